"""The NGSI-LD information model: values and rules, pure (clauses 4.5, 5.2, 5.5)."""
