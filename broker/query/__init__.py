"""Query languages: parsers to one AST, evaluated in Python or serialised (clauses 4.9 to 4.19)."""
