"""Whom a project asks: its providers and other projects, from settings to connections."""
