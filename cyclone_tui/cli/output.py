"""stdout of the job commands: data and nothing else, in one write where it fits in memory.

Programs read it (`id=$(qsub …)`), so nothing of `print`'s buffering, encoding or newline rules applies: text is UTF-8, and what
cannot be text (file names, output of jobs) comes through as the bytes it was.
"""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def write(text: "str | bytes") -> None:
    """Write all of it to stdout. Raises BrokenPipeError (a reader such as `head` left): `diagnostics.run` ends quietly then."""
    data = memoryview(text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text)
    while data:
        data = data[os.write(1, data) :]


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
