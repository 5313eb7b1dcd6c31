"""Whether models answer otherwise than they did: some recorded answers asked for again."""
