"""IBM Maximo: work orders."""
