"""What can be done with a project: options and values in, values and events out."""
