"""The verbs: read the world, ask the core, change the world."""
