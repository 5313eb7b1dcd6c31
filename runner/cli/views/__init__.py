"""Plan, problems, progress and outputs as text or JSON."""
