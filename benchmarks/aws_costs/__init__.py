"""What jobs cost on AWS, counted by driving the engine's own code. See `__main__`."""
