"""A plan, carried out."""
