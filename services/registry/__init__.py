"""The book: what is recorded about jobs, runs, checkpoints and data sets, and the contracts around it."""
