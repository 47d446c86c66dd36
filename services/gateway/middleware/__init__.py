"""Layers around every request."""
