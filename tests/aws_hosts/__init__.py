"""AWS hosts through their use cases and commands: plans from values, and everything else on the sandbox."""
