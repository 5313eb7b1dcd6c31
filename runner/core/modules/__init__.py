"""Folders of TOML, compiled."""
