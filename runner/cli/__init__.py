"""What is said: arguments in, words and exit codes out."""
