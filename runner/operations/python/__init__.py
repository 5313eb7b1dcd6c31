"""A project in Python: what `import runner` gives."""
