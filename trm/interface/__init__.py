"""Data types exchanged with trm: requests, answers, events and measurements; loads no torch."""
