"""Changes that keep a puzzle a puzzle of the same difficulty."""
