"""Screens of the full-screen interface: one file each, no I/O in them (`session` runs what they ask for)."""
