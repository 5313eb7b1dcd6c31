"""What changed, for whoever reviews it: a report and its parts, in Markdown and as JSON."""
