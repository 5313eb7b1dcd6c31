"""The ways a request is carried out."""
