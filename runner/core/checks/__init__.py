"""Whether answers are good, and whether some are better than others."""
