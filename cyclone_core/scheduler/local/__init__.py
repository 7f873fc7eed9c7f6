"""The local engine's process: the supervisor, and what clients need to reach it."""
