"""Outputs and expressions, of what is recorded: evaluated, written, and read again."""
