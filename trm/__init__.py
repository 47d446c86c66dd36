"""Tiny Recursive Models: the science. Imports nothing, so that its torch-free modules load without torch."""
