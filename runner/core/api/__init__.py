"""POST /v1/chat/completions: what may be asked, and what comes back."""
