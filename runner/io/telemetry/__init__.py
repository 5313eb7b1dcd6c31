"""What a run did, told to a collector as OpenTelemetry has it."""
