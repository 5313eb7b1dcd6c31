"""A project as it is read: configuration, variables, modules and state, and what it may do."""
