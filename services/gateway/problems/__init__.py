"""Errors as HTTP answers."""
