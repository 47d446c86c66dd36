"""What of the documentation site is written from the code: reference pages and figures."""
