"""What numbers show, and what they could have shown."""
