"""Template of an adapter: copy this folder and change what it says (see docs/adapters.md)."""
