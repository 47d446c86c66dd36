"""Ablations run side by side, and their plots."""
