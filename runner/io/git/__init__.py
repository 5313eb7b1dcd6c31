"""What git keeps of a project, read so that nothing of a repository is run."""
