"""How jobs and data sets are accepted."""
