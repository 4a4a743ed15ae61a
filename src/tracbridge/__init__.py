"""Tracbridge keeps work orders in TracOS and in a customer's system the same, both ways."""

__version__ = "0.1.0"
