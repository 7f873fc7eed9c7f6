"""Parameters of array tasks: what a line may be, what it does to a script, and how packed files are read.

    packed file = MAGIC, chunks, index, footer                  (`packing` writes it)
    chunk       = whole lines of about 64 KiB, joined by line ends, deflated
    index       = int64 pairs: position of the chunk's first line (1, 2, …), offset of the chunk
    footer      = tasks, number of chunks, offset of the index, MAGIC

A line is one JSON object; each line is a task. The scanner behind the `json` module is used without its wrapper (half the time), and
numbers stay text: `0.10` is put into a script as it was written.
Refused: lines that are not one JSON object, empty names, text that cannot stand in a script (NUL, half of a surrogate pair).
"""

import os
from _bisect import bisect_right
from _json import make_scanner
from _struct import Struct
from zlib import decompress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import BinaryIO

    Pairs = list[tuple[bytes, bytes]]

MAGIC = b"CYPARAM1"
FOOTER = Struct("<QQQ8s")
ENTRY = Struct("<QQ")


def _refuse_constant(name: str) -> None:
    raise ValueError(f"it knows no {name}")


class _Grammar:
    """How the scanner reads: numbers stay text as they were written, NaN and Infinity are refused."""

    strict = True
    object_hook = object_pairs_hook = None
    parse_float = parse_int = str
    parse_constant = staticmethod(_refuse_constant)


scan: "Callable[[str, int], tuple[object, int]]" = make_scanner(_Grammar)  # type: ignore[arg-type]  # it only reads the attributes


class ParameterFile:
    """A packed file, open for reading. The chunk of the last line is kept: tasks run in order."""

    def __init__(self, path: str) -> None:
        self._file: BinaryIO = open(path, "rb", buffering=0)  # noqa: SIM115  open as long as the object
        end = self._file.seek(0, 2)
        self.tasks, chunks, at, magic = FOOTER.unpack(self._read(max(0, end - FOOTER.size), FOOTER.size))
        if magic != MAGIC:
            raise ValueError(f"{path} is not a packed parameter file")
        entries = list(ENTRY.iter_unpack(self._read(at, chunks * ENTRY.size)))
        self._firsts: list[int] = [first for first, _ in entries]
        self._offsets = [offset for _, offset in entries] + [at]
        self._chunk = -1
        self._lines: list[str] = []

    def line(self, position: int) -> str:
        """Line of the task at a position 1..tasks. Raises IndexError beyond."""
        if not 1 <= position <= self.tasks:
            raise IndexError(position)
        chunk = bisect_right(self._firsts, position) - 1
        if chunk != self._chunk:
            at = self._offsets[chunk]
            self._lines = decompress(self._read(at, self._offsets[chunk + 1] - at)).decode().split("\n")
            self._chunk = chunk
        return self._lines[position - self._firsts[chunk]]

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _read(self, at: int, size: int) -> bytes:
        data = os.pread(self._file.fileno(), size, at)
        if len(data) != size:
            raise ValueError("the packed parameter file is cut off")
        return data


def replace(text: bytes, line: str) -> bytes:
    """A script with the parameters of a line put in: each name, wherever it stands, becomes its value.

    Literally, the longest name first and in one pass: a value that contains another name stays as it is.
    """
    return substitute(text, pairs_of(line))


def substitute(text: bytes, pairs: "Pairs") -> bytes:
    """Replace each first by its second; pairs as `pairs_of` gives them."""
    if not pairs:
        return text
    (name, value), rest = pairs[0], pairs[1:]
    pieces = text.split(name) if name else [text]
    return value.join([substitute(piece, rest) for piece in pieces] if rest else pieces)


def pairs_of(line: str) -> "Pairs":
    """(name, value) as bytes of a line that was checked, longest name first. Values that are not strings appear as JSON writes them."""
    values, _ = scan(line.strip(), 0)
    assert isinstance(values, dict)
    pairs = [(name.encode("utf-8", "replace"), _text(line, name, value).encode("utf-8", "replace")) for name, value in values.items()]
    return sorted(pairs, key=lambda pair: -len(pair[0])) if len(pairs) > 1 else pairs


def read_replacements(text: str) -> str:
    """The line that `-p TEXT` means: JSON, or with single quotes as a Python dict. Raises ValueError with the reason."""
    wrong = wrong_line(text)
    if not wrong:
        return text
    import json
    from ast import literal_eval

    try:
        value = literal_eval(text.strip())
        line = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        raise ValueError(wrong) from None
    wrong = wrong_line(line)
    if wrong:
        raise ValueError(wrong)
    return line


def wrong_line(line: str) -> str:
    """Why a line cannot be the parameters of a task, "" when it can."""
    line = line.strip(" \t\r\n")
    if not line:
        return "is blank"
    try:
        value, end = _scan_explaining(line)
    except StopIteration as exc:
        return f"is not JSON from column {exc.value + 1} on"
    except RecursionError:
        return "is nested too deeply"
    except ValueError as exc:
        return f"is not JSON: {str(exc)[:1].lower()}{str(exc)[1:]}"
    if end != len(line):
        return f"has more than one JSON value: the first ends in column {end}"
    if type(value) is not dict:
        return "is not a JSON object: write {" + '"NAME": VALUE, …}'
    if "" in value:
        return "has an empty name: it would stand everywhere in the script"
    for text in _texts(value):
        if "\0" in text or (not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text)):
            return "has a character that no script can hold (NUL, or half of a surrogate pair)"
    return ""


def _scan_explaining(line: str) -> "tuple[object, int]":
    """`scan` with its error messages: the scanner has none (SystemError) until somebody has loaded `json.decoder`."""
    try:
        return scan(line, 0)
    except SystemError:
        import json.decoder

        assert json.decoder
        return scan(line, 0)


def _texts(value: object) -> "Iterable[str]":
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


def _text(line: str, name: str, value: object) -> str:
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    import json  # nested values: read again, because here their numbers are text

    return json.dumps(json.loads(line)[name], ensure_ascii=False)
