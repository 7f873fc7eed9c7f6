"""The use cases: the one API behind TUI, commands and library."""
