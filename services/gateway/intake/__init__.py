"""How jobs and data sets are taken in."""
