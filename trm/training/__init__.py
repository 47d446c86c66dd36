"""Training: deep supervision of one model, by one process or by several together."""
