"""Permissions of API keys, and the audit log."""
