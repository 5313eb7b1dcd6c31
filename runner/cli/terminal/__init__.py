"""Questions, keys and signals."""
