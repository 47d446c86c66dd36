"""Backups of the database and the artifacts, made while the service runs, and their restoration."""
