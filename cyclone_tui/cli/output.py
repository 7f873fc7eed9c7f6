"""stdout of the job commands: data and nothing else, in one write where it fits in memory.

Programs read it (`id=$(qsub …)`), so nothing of `print`'s buffering, encoding or newline rules applies: text is UTF-8, and what
cannot be text (file names, output of jobs) comes through as the bytes it was.
"""

import os

from cyclone_core.errors import CycloneError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


class Unwritable(CycloneError):
    """stdout takes nothing: it is closed, or what it is sent to is full."""


def write(text: "str | bytes") -> None:
    """Write all of it to stdout.

    Raises BrokenPipeError (a reader such as `head` left): `diagnostics.run` ends quietly then; Unwritable for whatever else is in the way.
    """
    data = memoryview(text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text)
    while data:
        try:
            data = data[os.write(1, data) :]
        except BrokenPipeError:
            raise
        except OSError as exc:
            raise unwritable(exc) from exc


def unwritable(exc: OSError) -> Unwritable:
    """What to say of an error that writing to stdout met."""
    from errno import EBADF

    reason = "it is closed" if exc.errno == EBADF else (exc.strerror or str(exc)).lower()
    return Unwritable(f"the output cannot be written to stdout: {reason}. Send it elsewhere, for example to a file: > FILE")


def write_batches(parts: "Iterable[str | bytes]", batch_bytes: int = 1 << 16) -> None:
    """Write a stream of any length in pieces of about `batch_bytes`."""
    waiting: list[bytes] = []
    size = 0
    for part in parts:
        waiting.append(part.encode("utf-8", "surrogateescape") if isinstance(part, str) else part)
        size += len(waiting[-1])
        if size >= batch_bytes:
            write(b"".join(waiting))
            waiting, size = [], 0
    write(b"".join(waiting))


def write_json(value: object) -> None:
    """One JSON value on one line."""
    import json

    write(json.dumps(value, ensure_ascii=False) + "\n")
