"""What is done with files alone: no state is opened, and nothing is sent."""
