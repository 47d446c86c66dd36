"""What a training reads: splits, feeds and augmentation."""
