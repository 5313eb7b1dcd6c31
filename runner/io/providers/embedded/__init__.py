"""A real model in this process."""
