"""The command `trm`, or `python -m trm`: train, evaluate, solve and inspect, with no service at all."""

from trm.cli import main
from trm.network.host import keep_big_buffers, share_cores


def run() -> None:
    """Configure threads and memory of the process, and run the command."""
    share_cores()
    keep_big_buffers()
    main()


if __name__ == "__main__":
    run()
