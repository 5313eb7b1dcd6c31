"""Requests that are answered within a day: which are under way, and what became of them."""
