"""The MongoDB implementation; the only package that imports pymongo."""
