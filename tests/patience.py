"""How long tests wait for what has to come. It says nothing about how fast that should be."""

PATIENCE = 120.0
"""Seconds; a machine that nobody else uses needs a hundredth of it."""
