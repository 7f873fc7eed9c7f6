"""Lines for whoever reads the log of a container or machine. Lean."""

import sys
import time

said_by = ""
"""What begins the lines of a worker that shares its log with others."""


def log(text: str) -> None:
    """A line."""
    sys.stderr.write(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {said_by}{text}\n")
