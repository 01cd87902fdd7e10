"""Storage protocols, written for their callers."""
