"""Records, and the files they stand in."""
