"""Decoders: pure functions from the bytes of a message to measures, one module a family."""
