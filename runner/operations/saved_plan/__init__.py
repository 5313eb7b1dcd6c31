"""A plan kept in a file."""
