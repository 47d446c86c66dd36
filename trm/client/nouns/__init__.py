"""What a client asks about: one noun, one file; each method is one operation of the API."""
