"""What an API key may be used for."""

from enum import StrEnum


class Scope(StrEnum):
    """A kind of action; reading one's own objects needs a key, but no scope."""

    TRAIN = "train"  # upload data sets, start trainings
    SOLVE = "solve"  # have puzzles solved
    ADMIN = "admin"  # everything, for every owner
