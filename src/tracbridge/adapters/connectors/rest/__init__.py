"""A customer whose system answers JSON over HTTP, as an interface file describes it."""
