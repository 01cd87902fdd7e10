"""Context source registrations: read, presented, and found for a request (5.9, 5.10, 5.12)."""
