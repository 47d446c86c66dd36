"""`python -m trm`: train, evaluate, solve and inspect, with no service at all."""

from trm.cli import main

if __name__ == "__main__":
    main()
