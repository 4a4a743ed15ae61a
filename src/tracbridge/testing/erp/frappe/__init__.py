"""ERPNext: asset repairs."""
