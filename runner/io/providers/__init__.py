"""Who answers: a server that speaks the API, or a model in this process."""
