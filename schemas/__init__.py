"""Data, no code: the pinned core @context, entity types, and schemas of adapter settings."""
