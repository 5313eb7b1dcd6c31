"""Whole processes, measured side by side: the runner, a bare loop that does the same, and peers."""
