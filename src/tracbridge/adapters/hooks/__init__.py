"""Webhooks: how they are signed, and how they are sent."""
