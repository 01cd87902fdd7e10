"""Partner APIs that answer JSON: polled on a schedule and mapped to entities by a mapping file."""
