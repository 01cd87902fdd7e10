"""Mutsura: an NGSI-LD context broker on MongoDB (ETSI GS CIM 009 V1.9.1)."""

__version__ = "0.1.0"
