"""What may be written in a block, and what is wrong with it."""
