"""Whether models answer otherwise than they did."""
