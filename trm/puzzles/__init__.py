"""Puzzles without torch: text and tokens, rules, exact search, symmetries, generation, data sets."""
