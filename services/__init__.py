"""The service: the book (registry), the doors (gateway) and the engine room (stack)."""
