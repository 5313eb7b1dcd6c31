"""What the recorded answers are worth: checked, and told to whoever reviews them."""
