"""What the commands that speak to a service share: its address, options, tables, following a job."""
