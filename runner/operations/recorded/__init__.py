"""What is recorded, now and earlier: found, compared, and as a table; nothing is written."""
