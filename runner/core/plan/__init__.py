"""What has to happen, and why."""
