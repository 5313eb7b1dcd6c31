"""What a plan says, done: followed, told, and brought to its end whatever happens."""
