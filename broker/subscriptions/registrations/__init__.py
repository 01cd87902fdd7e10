"""Subscriptions to context source registrations, and their notifications (clause 5.11)."""
