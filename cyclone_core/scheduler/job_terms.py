"""What can be asked of a job in a filter, and the orders of job lists: plain values, understood by every engine.

`scheduler.filters` reads them from what a user types; `sqlite.job_index` turns them into SQL. Nothing here knows of either.
"""

from dataclasses import dataclass, field

TEXTS = ("id", "name", "queue", "status", "user", "definition")
"""Columns compared as texts."""
NUMBERS = ("id", "tasks", "done", "waiting", "running", "successful", "failed", "cancelled", "error", "priority", "exit")
"""Columns compared as whole numbers; the names of states count tasks."""
DURATIONS = ("took",)
"""Columns compared as seconds."""
MOMENTS = ("submitted", "started", "ended")
"""Columns compared as seconds since 1970, or by their age in seconds."""
ORDERS = ("id", "name", "queue", "status", "user", "submitted", "started", "ended", "took", "tasks", "done")
"""What job lists can be sorted by."""


@dataclass(frozen=True)
class Contains:
    """The name or the id contains a text; case of ASCII letters does not matter."""

    text: str
    negated: bool = False


@dataclass(frozen=True)
class Matches:
    """A regular expression (Python's) is found in a column, or in name or id where `column` is "".

    Case does not matter unless the pattern has a capital letter.
    """

    column: str
    pattern: str
    negated: bool = False


@dataclass(frozen=True)
class OneOf:
    """A column (one of TEXTS) is one of some values; `*` and `?` stand for any text and any character. Ids: `7`, `7-9`."""

    column: str
    values: tuple[str, ...]
    negated: bool = False


@dataclass(frozen=True)
class Compare:
    """A column against a number. For MOMENTS `value` is an age in seconds, or seconds since 1970 where `absolute`."""

    column: str
    operator: str
    value: float
    absolute: bool = False
    negated: bool = False
    written: str = field(default="", compare=False)
    """the value as the user wrote it"""


Term = Contains | Matches | OneOf | Compare


@dataclass(frozen=True)
class Order:
    """An order of a list: a column of ORDERS; equal ones by id, newest first."""

    column: str = "id"
    descending: bool = True


NEWEST_FIRST = Order()
