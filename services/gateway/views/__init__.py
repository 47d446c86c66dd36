"""Jobs as answers: shown, polled, streamed, listed."""
