"""Benchmarks (`make bench`): speed is measured here, and no test fails for it."""
