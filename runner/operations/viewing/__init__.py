"""What a person who looks at a project is shown: each resource by its query."""
