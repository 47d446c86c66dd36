"""Puzzles for people: in a terminal, and as pictures."""
