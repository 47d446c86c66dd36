"""How good a model is: accuracy, ARC, and what is measured for its card."""
