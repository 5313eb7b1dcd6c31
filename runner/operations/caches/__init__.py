"""Answers that are kept: in the cache of the project, and in that of its team."""
