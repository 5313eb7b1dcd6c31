"""Arguments in: verbs, and the flags they take."""
