"""Solving puzzles with a trained model."""
