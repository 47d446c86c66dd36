"""The service: registry (database and storage), gateway (HTTP) and stack (embedded on one machine)."""
