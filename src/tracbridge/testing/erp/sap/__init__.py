"""SAP PM: maintenance orders."""
