"""The shapes of requests and responses, one noun a file."""
