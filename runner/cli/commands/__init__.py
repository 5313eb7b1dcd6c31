"""The verbs: arguments, an operation and a view each."""
