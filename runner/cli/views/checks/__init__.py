"""What checks of answers came to: for people, as JSON, and for CI."""
