"""Readers of single cells: text as published in, a `Reading` out. Pure, without state."""
