"""The history of the database's schema; `python -m migrations` brings a database up to date."""
