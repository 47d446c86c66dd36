"""Jobs in responses: shown, polled, streamed, listed."""
