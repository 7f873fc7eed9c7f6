"""Exit codes by which a worker tells whoever started it why it ended. Lean.

0 is a worker that had nothing more to do, or was told to leave; those of errors are in `errors`.
"""

TAKEN_BACK = 75
"""Its spot instance is taken back: it left in time, so nobody else would say so."""
