"""What the operator types: `trm up` where that script runs, `make up` in a clone."""

import sys
from pathlib import Path


def command(verb: str) -> str:
    """The command of this verb, as the operator has called this program."""
    return f"{'trm' if Path(sys.argv[0]).name == 'trm' else 'make'} {verb}"
