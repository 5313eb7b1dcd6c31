"""Variables in, instances out."""
