"""ARC: its tasks, files, published sets, variants and votes."""
