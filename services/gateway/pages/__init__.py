"""Pages for people to read the interface by: Swagger UI and Redoc, with everything they load."""
