"""What nobody may see."""
