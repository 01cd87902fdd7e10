"""What every adapter stands on: host, writer, validation, checkpoints, dead letters, testing."""
