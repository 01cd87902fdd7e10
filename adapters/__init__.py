"""Connectors: each turns one kind of source into NGSI-LD entities through the public API."""
