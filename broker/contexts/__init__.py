"""JSON-LD @context: pinned core, resolution, cache and hosting (clauses 4.4, 5.5.7, 5.13)."""
