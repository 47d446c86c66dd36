"""Callers, their permissions, and the commands for their keys."""
