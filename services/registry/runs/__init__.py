"""Runs: their checkpoints, evaluations, curves and data sets."""
