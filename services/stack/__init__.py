"""The stack: the whole service embedded on one machine, and the operator's commands."""
