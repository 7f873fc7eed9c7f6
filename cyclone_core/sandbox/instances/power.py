"""The first process of an instance, below which everything on it is: what it started ends with it, as with the unit that runs the machine.

Run as a program it starts the command that it is given, hands on SIGTERM, ends what is left when that has ended, and has its exit code.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress

_PR_SET_CHILD_SUBREAPER = 36
_ROUNDS = 50
_PAUSE_S = 0.02


def below(pid: int) -> Iterator[int]:
    """The processes that a process has started, and those that they have."""
    with suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with suppress(OSError), open(f"/proc/{pid}/task/{thread}/children", encoding="ascii") as file:
                for child in map(int, file.read().split()):
                    yield child
                    yield from below(child)


def end_below(pid: int) -> None:
    """SIGKILL to all of them, until there are none."""
    for _ in range(_ROUNDS):
        found = list(below(pid))
        if not found:
            return
        for each in found:
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        if pid == os.getpid():
            _collect()
        time.sleep(_PAUSE_S)


def _collect() -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def main() -> None:
    """Entry point."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    with subprocess.Popen(sys.argv[1:]) as child:
        signal.signal(signal.SIGTERM, lambda *_: child.send_signal(signal.SIGTERM))
        code = child.wait()
    end_below(os.getpid())
    sys.exit(128 - code if code < 0 else code)


if __name__ == "__main__":
    main()
