"""Backups: the database and the artifacts together, made while the service runs, and brought back."""
