"""Data sets: by name, as tables, on the hub, and what is wrong with them."""
