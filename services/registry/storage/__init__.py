"""The artifact storage, and the rows that point into it."""
