"""The engine room: the whole service embedded on one machine, and the operator's commands."""
