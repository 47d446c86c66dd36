"""`python -m trm`: train, evaluate, solve and inspect, with no service at all."""

from trm.cli import main
from trm.network.host import keep_big_buffers, share_cores

if __name__ == "__main__":
    share_cores()
    keep_big_buffers()
    main()
