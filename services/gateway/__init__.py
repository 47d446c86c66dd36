"""The doors: the HTTP interface of the service."""
