"""The door to a browser on this machine: pages that are read, and never written to."""
