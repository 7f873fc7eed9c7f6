"""Problems found in what a user gave us, collected so that all of them are shown at once."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Problem:
    """One thing that is wrong: where (`path`), what and why (`message`), what to do next (`hint`)."""

    __slots__ = ("hint", "message", "path")

    def __init__(self, path: str, message: str, hint: str = "") -> None:
        self.path, self.message, self.hint = path, message, hint

    def __str__(self) -> str:
        path = self.path if self.path.isprintable() else repr(self.path)[1:-1]  # of a file whose name has line ends, say
        text = f"{path}: {self.message}" if path else self.message
        return f"{text}. {self.hint}" if self.hint else text

    def __repr__(self) -> str:
        return f"Problem({self.path!r}, {self.message!r}, {self.hint!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Problem) and self.as_tuple() == other.as_tuple()

    def __hash__(self) -> int:
        return hash(self.as_tuple())

    def as_tuple(self) -> tuple[str, str, str]:
        """The three texts, as they travel between processes."""
        return self.path, self.message, self.hint


class Problems:
    """A collector: `add` as they are found, `check` raises them together."""

    def __init__(self) -> None:
        self.found: list[Problem] = []

    def add(self, path: str, message: str, hint: str = "") -> None:
        """Record one problem."""
        self.found.append(Problem(path, message, hint))

    def extend(self, problems: "Iterable[Problem]") -> None:
        """Record several."""
        self.found.extend(problems)

    def __bool__(self) -> bool:
        return bool(self.found)

    def __iter__(self) -> "Iterator[Problem]":
        return iter(self.found)

    def check(self) -> None:
        """Raise `InvalidRequest` with everything found, or return when there is nothing."""
        if self.found:
            from cyclone_core.errors import InvalidRequest

            raise InvalidRequest(self.found)
