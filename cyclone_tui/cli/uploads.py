"""How far a large parameter file is on its way, on a terminal: one line of stderr that is written over and wiped out in the end."""

import os

SHOWN_FROM_BYTES = 4 << 20
"""Smaller files are there before anybody asks."""


def tell(sent: int, size: int) -> None:
    """Show the progress. sent, size: bytes."""
    if size < SHOWN_FROM_BYTES:
        return
    line = f"\rsending parameters: {sent >> 20:,} of {size >> 20:,} MiB ({100 * sent // size} %)" if sent < size else "\r\x1b[K"
    try:
        os.write(2, line.encode())
    except OSError:
        return
