"""Whether a process lives that holds a file's lock (flock): the one test that no crash and no reused process number can deceive."""

import fcntl
import os


def is_held(path: "str | os.PathLike[str]") -> bool:
    """Whether somebody holds the exclusive lock of a file; False where there is no such file. Takes a shared lock for an instant."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
