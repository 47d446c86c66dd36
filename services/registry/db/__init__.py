"""The database: connection, tables, and how rows are found, listed and copied."""
