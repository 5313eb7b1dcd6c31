"""A state changed where no completion is asked for: edited, pushed, refreshed, rolled back."""
