"""What a supervisor, of a host or a worker, and a machine ask of the kernel for their process: signals as bytes, orphans. Lean."""

import ctypes
import os
from signal import set_wakeup_fd, signal

_PR_SET_NAME, _PR_SET_CHILD_SUBREAPER = 15, 36


def wakeup_pipe(*numbers: int) -> int:
    """A descriptor on which the numbers of these signals arrive."""
    reader, writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    set_wakeup_fd(writer, warn_on_full_buffer=False)
    for number in numbers:
        signal(number, lambda *_: None)
    return reader


def become_parent_of_orphans(name: str) -> None:
    """What a child leaves when it dies is ours. name: what `ps` calls us."""
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    libc.prctl(_PR_SET_NAME, name.encode(), 0, 0, 0)
