"""Widgets of the full-screen interface: one file each; they show values and know nothing of hosts."""
