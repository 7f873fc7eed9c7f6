"""What a job wrote, made into lines that can be shown: bytes in, harmless text out.

Outputs are somebody else's bytes: they may be no text at all, move the cursor, change the title of the terminal or never end a line.
Colours are left out, carriage returns and backspaces do what they do on a terminal (a progress bar is one line, the last one), every other
control character is written out, long lines are cut with a note. Pure; fast where nothing unusual is in a line (about 0.2 us).
"""

import re
from codecs import getincrementaldecoder

MAX_CHARS = 4096
"""Characters of a line that are kept."""
NOTE = "\x01"
"""A line that begins with this is Cyclone's own: nothing of a job's can begin so, because control characters are written out."""
_RAW_CHARS = 1 << 16
_ERASED = "\x0b"  # stands for "erase the rest of the line" between two steps below; a vertical tab of the job's is written out before
_ERASE = re.compile("\x1b\\[[012]?K")
_ESCAPE = re.compile(
    "\x1b\\[[0-?]*[ -/]*[@-~]|\x9b[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor
    "|\x1b\\][^\x07\x1b]*(?:\x07|\x1b\\\\)"  # OSC: titles, links, clipboard
    "|\x1b[PX^_][^\x1b]*\x1b\\\\"  # DCS, SOS, PM, APC
    "|\x1b[ -/]*[0-~]?"
)
_FORMAT = (*range(0x200B, 0x2010), *range(0x2028, 0x202F), *range(0x2060, 0x2070), 0xFEFF, *range(0xFFF9, 0xFFFC))
_HARMLESS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))} | {code: f"\\u{code:04x}" for code in _FORMAT}
for _joiner in (0x200C, 0x200D):  # part of words and emoji, and of no width
    del _HARMLESS[_joiner]


def clean(raw: str, lost: int = 0) -> str:
    """One line without its end, as it would stay on a terminal, in plain characters.

    lost: how many characters behind it were dropped already; the note at a cut line counts them.
    """
    text = raw
    if "\x1b" in text or "\x9b" in text:
        text = _ESCAPE.sub("", _ERASE.sub(_ERASED, text.replace(_ERASED, "\\x0b")))
    elif _ERASED in text:
        text = text.replace(_ERASED, "\\x0b")
    if "\r" in text or _ERASED in text:
        text = _overwritten(text)
    if "\b" in text:
        text = _without_backspaces(text)
    more = max(0, len(text) - MAX_CHARS) + lost
    if more:
        text = text[:MAX_CHARS]
    text = text.expandtabs().translate(_HARMLESS)
    return f"{text} … {more:,} characters more" if more else text


def _overwritten(text: str) -> str:
    """What is left when each part after a carriage return was written over the ones before."""
    line = ""
    for part in text.split("\r"):
        before, *erased = part.split(_ERASED)
        line = before + line[len(before) :]
        for piece in erased:
            before += piece
            line = before
    return line


def _without_backspaces(text: str) -> str:
    kept: list[str] = []
    for char in text[: 4 * MAX_CHARS]:
        if char != "\b":
            kept.append(char)
        elif kept:
            kept.pop()
    return "".join(kept)


class LineFeed:
    """Turns one output, piece by piece, into lines. What has no end yet is `unfinished`; it is held in 64 KiB at most."""

    __slots__ = ("_decode", "_lost", "_open", "prefix")

    def __init__(self, prefix: str = "") -> None:
        """prefix: put before every line, as it is."""
        self.prefix = prefix
        self._decode = getincrementaldecoder("utf-8")("replace").decode
        self._open, self._lost = "", 0

    def feed(self, data: bytes) -> list[str]:
        """The lines that this piece completes."""
        *whole, rest = (self._open + self._decode(data)).split("\n")
        lines = [line if len(line) <= MAX_CHARS and line.isprintable() else clean(line) for line in whole]
        if whole and self._lost:
            lines[0] = clean(whole[0], self._lost)
            self._lost = 0
        self._open = self._held(rest) if len(rest) > MAX_CHARS else rest
        return [self.prefix + line for line in lines] if self.prefix else lines

    def _held(self, rest: str) -> str:
        """A long beginning of a line in bounded memory: progress bars lose their past, other lines their end."""
        if "\r" in rest:
            past, _, now = rest.rpartition("\r")
            rest = f"{_overwritten(_ESCAPE.sub('', past))}\r{now}"
        if len(rest) > _RAW_CHARS:
            self._lost += len(rest) - _RAW_CHARS
            rest = rest[:_RAW_CHARS]
        return rest

    @property
    def unfinished(self) -> str:
        """The line that has begun, empty where none has."""
        if not self._open:
            return ""
        return self.prefix + clean(self._open, self._lost)

    def finish(self) -> list[str]:
        """What is left as a line of its own; the feed is empty afterwards."""
        line = self.unfinished
        self._open, self._lost = "", 0
        return [line] if line else []
