"""What an API key may be used for."""

from enum import StrEnum


class Scope(StrEnum):
    """One kind of act; reading what one owns needs a key, but no scope."""

    TRAIN = "train"  # upload data sets, start trainings
    SOLVE = "solve"  # have puzzles solved
    ADMIN = "admin"  # everything, for every owner
