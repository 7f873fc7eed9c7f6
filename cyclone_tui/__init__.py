"""The terminal: full-screen application and commands."""
