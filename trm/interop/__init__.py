"""Models and numbers from and for others: official checkpoints, golden vectors, exported models."""
