"""HTTP handlers: parse, call one operation, respond."""
