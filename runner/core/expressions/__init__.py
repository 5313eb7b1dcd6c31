"""Text with holes."""
