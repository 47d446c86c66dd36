"""The gateway: the HTTP interface of the service."""
