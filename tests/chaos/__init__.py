"""Faults on purpose, against the whole service as real processes; after each, nothing may be lost, doubled or left over."""
