"""Jobs: their rows, moves, leases, attempts, events and answers."""
