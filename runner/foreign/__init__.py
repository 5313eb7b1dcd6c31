"""Requests and evaluations of other programs converted to the runner's TOML."""
