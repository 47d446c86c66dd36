"""The training: one update, what it minimises, and the trainer around it."""
