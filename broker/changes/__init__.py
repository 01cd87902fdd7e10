"""The change feed: tails committed changes in order and hands each one to its consumers."""
