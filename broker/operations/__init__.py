"""One function for each operation of the specification (clauses 5.6 to 5.16)."""
