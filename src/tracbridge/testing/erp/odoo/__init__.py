"""Odoo: maintenance requests."""
