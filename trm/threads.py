"""How torch's threads wait for each other; to be settled before torch is loaded."""

import os


def share_cores() -> None:
    """Let idle OpenMP threads sleep rather than spin: with anything else on the machine, spinning costs several times the work.

    A choice of the user's in OMP_WAIT_POLICY stays.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
