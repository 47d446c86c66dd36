"""Checkpoints: written, read and packed."""
