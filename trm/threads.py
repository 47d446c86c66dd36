"""How torch's threads wait for each other; to be settled before torch is loaded."""

import os

SPINS = "2000"  # a few microseconds: bridges the gap between two kernels, and leaves the core to whoever else wants it


def share_cores() -> None:
    """Let idle OpenMP threads spin only briefly: two processes that spin on the same cores take several times as long.

    Choices of the user's in GOMP_SPINCOUNT and OMP_WAIT_POLICY stay.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", SPINS)
