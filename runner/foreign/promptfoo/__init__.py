"""promptfoo's evaluations converted to completions and checks."""
