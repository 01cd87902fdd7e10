"""Entity representations, one shape a module (clauses 4.5.3, 4.5.4, 4.5.16, 5.2)."""
