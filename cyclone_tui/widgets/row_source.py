"""Where a table gets its rows from: a list that is all there, or a source of any length that brings pages as they are asked for."""

from collections.abc import Callable, Hashable, Sequence
from typing import Any, Generic, Protocol, TypeVar

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class RowSource(Protocol[R_co]):
    """Rows by number, 0 first. Every method is called while the screen is drawn and must answer at once."""

    @property
    def count(self) -> int:
        """How many rows there are."""
        ...

    def key(self, row: int) -> Hashable:
        """What stays the same of the record in a row wherever it moves; known before the record is."""
        ...

    def find(self, key: Hashable, near: int) -> int | None:
        """The row in which that record is now (it was in row `near`), None when it is gone."""
        ...

    def window(self, first: int, count: int) -> Sequence[R_co | None]:
        """The records of rows first … first + count - 1 (fewer at the end); None for one that is still being read."""
        ...


class ListRows(Generic[R]):
    """The source of a small list."""

    def __init__(self, records: Sequence[R], key: Callable[[R], Hashable]) -> None:
        self.records, self._key = records, key
        self._rows = {key(record): row for row, record in enumerate(records)}

    @property
    def count(self) -> int:
        """How many rows there are."""
        return len(self.records)

    def key(self, row: int) -> Hashable:
        """The key of the record in a row."""
        return self._key(self.records[row])

    def find(self, key: Hashable, near: int) -> int | None:
        """The row of a key."""
        return self._rows.get(key)

    def window(self, first: int, count: int) -> Sequence[R]:
        """The records of those rows."""
        return self.records[first : first + count]


def natural(value: Any) -> tuple[Any, ...]:
    """A sort key under which numbers come before texts, texts regardless of case, and nothing at all last."""
    if value is None or value == "":
        return (2,)
    return (1, value.casefold()) if isinstance(value, str) else (0, value)
