"""What people look at, worked out once for whatever shows it."""
