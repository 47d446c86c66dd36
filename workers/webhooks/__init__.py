"""Delivery of webhook messages."""
