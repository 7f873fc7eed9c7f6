"""What `/` means over a small list that is all there: the terms of `scheduler.filters`, over whatever columns the list has. Pure.

    gpu                   some column contains it (letters in any case)
    cluster:big,default   that value, or one of several; with wildcards: name:train-*
    max_vcpus>8           numbers; state:/^C/ a regular expression in a column, /^gpu/ in any
    !paused:yes           the opposite of any term

All terms must hold. A column may be shortened to its beginning. What cannot be read is said, and never narrows the list.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from cyclone_core.errors import InvalidRequest
from cyclone_core.options import did_you_mean
from cyclone_core.problems import Problem
from cyclone_core.scheduler.filters import words

Cells = Mapping[str, str]
"""Column -> what it says, as text."""
_HEAD = re.compile(r"([A-Za-z_ ]+)(:|>=|<=|>|<|=)")
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">": lambda one, other: one > other, "<": lambda one, other: one < other,
    ">=": lambda one, other: one >= other, "<=": lambda one, other: one <= other,
}  # fmt: skip


@dataclass(frozen=True)
class RowFilter:
    """Terms that must all hold; none: every row."""

    terms: tuple[Callable[[Cells], bool], ...] = ()

    def __call__(self, cells: Cells) -> bool:
        """Whether a row is shown."""
        return all(term(cells) for term in self.terms)


def parse(text: str, columns: Sequence[str]) -> RowFilter:
    """The filter that a text means over these columns. Raises InvalidRequest with a problem for each term that means nothing."""
    problems: list[Problem] = []
    terms = []
    for at, word in words(text):
        bare = word.removeprefix("!")
        try:
            term = _term(bare, columns)
        except ValueError as exc:
            problems.append(Problem(f"character {at + 1}", *map(str, exc.args)))
            continue
        terms.append(_opposite(term) if bare != word else term)
    if problems:
        raise InvalidRequest(problems)
    return RowFilter(tuple(terms))


def _opposite(term: Callable[[Cells], bool]) -> Callable[[Cells], bool]:
    return lambda cells: not term(cells)


def _term(word: str, columns: Sequence[str]) -> Callable[[Cells], bool]:
    """One term. Raises ValueError(what, remedy)."""
    if not word:
        raise ValueError("there is nothing after !", "Write what must not be so, such as !state:failed")
    if word.startswith("/"):
        pattern = _pattern(word)
        return lambda cells: any(pattern.search(text) for text in cells.values())
    head = _HEAD.match(word)
    if not head:
        wanted = word.strip('"').casefold()
        return lambda cells: any(wanted in text.casefold() for text in cells.values())
    return _of_column(_column(head[1], columns), head[2], word[head.end() :])


def _of_column(column: str, sign: str, value: str) -> Callable[[Cells], bool]:
    if not value:
        raise ValueError(f"there is no value after {sign}", f"Write one, such as {column}{sign}{'8' if sign in _COMPARE else 'default'}")
    if sign in _COMPARE:
        compare, limit = _COMPARE[sign], _number(value)
        if limit is None:
            raise ValueError(f"{value!r} is not a number", f"Write {column}{sign}8")
        return lambda cells: (number := _number(cells.get(column, ""))) is not None and compare(number, limit)
    if value.startswith("/"):
        pattern = _pattern(value)
        return lambda cells: bool(pattern.search(cells.get(column, "")))
    allowed = [one.strip('"').casefold() for one in value.split(",") if one]
    return lambda cells: any(_is(cells.get(column, "").casefold(), one) for one in allowed)


def _is(text: str, wanted: str) -> bool:
    """Equal, or one of several words that make up the text."""
    return fnmatchcase(text, wanted) or wanted in text.split()


def _column(name: str, columns: Sequence[str]) -> str:
    folded = name.casefold().replace(" ", "_")
    if folded in columns:
        return folded
    near = [column for column in columns if column.startswith(folded)]
    if near:
        return near[0]
    raise ValueError(f"there is no column {name!r}{did_you_mean(folded, columns)}", f"One of {', '.join(columns)}")


def _pattern(text: str) -> re.Pattern[str]:
    if len(text) < 3 or not text.endswith("/"):
        raise ValueError("the regular expression has no end", f"Close it: {text}/")
    try:
        return re.compile(text[1:-1], re.IGNORECASE)
    except re.error as exc:
        raise ValueError(f"the regular expression cannot be read: {exc}", "Signs that stand for themselves need a backslash") from exc


def _number(text: str) -> float | None:
    try:
        return float(text.replace(",", ""))
    except ValueError:
        return None
