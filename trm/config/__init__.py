"""What defines an experiment: model, training, presets and ablations."""
