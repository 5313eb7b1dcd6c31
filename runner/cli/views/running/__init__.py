"""What an apply tells while it runs, and when it has ended."""
