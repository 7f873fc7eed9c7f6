"""What a worker tells the machine that started it, beside what it says in the table: how many tasks run, have ended, and may run at once.

Three numbers in a file without a name, which both have open: written by the worker whenever one changes, read by the machine when it looks.
A worker that nobody asked for them keeps them to itself.
"""

import os
from _struct import Struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLE = "CYCLONE_COUNTS"
_NUMBERS = Struct("=QQQ")


class Counts:
    """The worker's side."""

    __slots__ = ("_file", "_told")

    def __init__(self, environ: "Mapping[str, str]") -> None:
        text = environ.get(VARIABLE, "")
        self._file = int(text) if text.isdecimal() else -1
        self._told = (0, 0, 0)
        if self._file >= 0:
            try:
                os.set_inheritable(self._file, False)  # tasks have nothing to do with it
            except OSError:
                self._file = -1

    def tell(self, running: int, done: int, width: int) -> None:
        """They are so now."""
        told = running, done, width
        if self._file >= 0 and told != self._told:
            self._told = told
            os.pwrite(self._file, _NUMBERS.pack(*told), 0)


def new() -> int:
    """A file for a worker that is about to be started; its descriptor. Raises OSError."""
    return os.memfd_create("cyclone-counts", os.MFD_CLOEXEC)


def read(file: int) -> "tuple[int, int, int]":
    """(running, done, width) as the worker told last; zeros before its first word."""
    data = os.pread(file, _NUMBERS.size, 0)
    running, done, width = _NUMBERS.unpack(data) if len(data) == _NUMBERS.size else (0, 0, 0)
    return running, done, width
