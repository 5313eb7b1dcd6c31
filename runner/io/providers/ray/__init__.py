"""Requests sent by the workers of a Ray cluster: models and servers that only its nodes reach."""
