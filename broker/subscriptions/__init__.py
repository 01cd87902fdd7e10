"""Subscriptions: candidates, matching, notification bodies, delivery (clauses 5.8, 5.11.7)."""
