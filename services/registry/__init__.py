"""The registry: what is recorded about jobs, runs, checkpoints and data sets."""
