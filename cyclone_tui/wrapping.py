"""Lines of (text, style) broken at a width, with what follows set in below their beginning. Pure."""

import re
from collections.abc import Iterable, Iterator

Line = tuple[tuple[str, str], ...]
"""Pieces of (text, style name)."""
_WORD = re.compile(r"\s*\S+")
_LEAST = 20
"""Columns for text; below that lines are left as they are."""


def wrapped(lines: Iterable[Line], width: int) -> Iterator[Line]:
    """Lines of at most so many columns, but for words that are longer. What is broken goes on two columns right of where it began.

    Command lines (`$ …`) are left to the terminal: whoever copies one wants nothing else in it.
    """
    for line in lines:
        whole = "".join(text for text, _ in line)
        if len(whole) <= width or width < _LEAST or whole.lstrip().startswith("$ "):
            yield line
        else:
            yield from _broken(line, whole, width)


def _broken(line: Line, whole: str, width: int) -> Iterator[Line]:
    indent = min(len(whole) - len(whole.lstrip()) + 2, width // 2)
    part: list[tuple[str, str]] = []
    used = 0
    for text, style in line:
        for word in _WORD.findall(text):
            if used + len(word) > width and used > indent:
                yield tuple(part)
                word, part, used = word.lstrip(), [(" " * indent, "")], indent
            part.append((word, style))
            used += len(word)
        if (rest := len(text) - len(text.rstrip())) and text.strip():
            part.append((" " * rest, style))
            used += rest
        elif not text.strip():
            part.append((text, style))
            used += len(text)
    yield tuple(part)
