"""Tracbridge keeps work orders in TracOS and in a customer's system the same, in both directions."""

__version__ = "0.1.0"
