"""What `make bench` measures: ours against a plain baseline, in turns, in one run."""
