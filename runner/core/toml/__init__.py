"""TOML as text: read with places, laid out, written."""
