"""One completion as a request."""
