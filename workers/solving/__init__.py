"""The solve task."""
