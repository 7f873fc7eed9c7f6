"""The local engine's store: one SQLite file per host."""
