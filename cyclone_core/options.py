"""The grammar of options: one loop that reads command lines and `#HYPER` lines alike, driven by a table.

    -q NAME   -qNAME   --queue NAME   --queue=NAME   --json   --      (the rest are operands)   -   (an operand)

A value option takes the next word whatever it looks like (`-r -1`, `--priority -5`) unless that word is itself an option of the
table: then the value was forgotten. Not argparse: importing that alone would double the time of a job command.
"""

from cyclone_core.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Option:
    """One row of a table.

    names: spellings separated by spaces, the one shown first first. field: the key of its value.
    value: what to call the value in the help; "" for a flag. repeat: may be given several times, all values are kept
    (otherwise the last one wins). `--no-x` among the names of a flag turns it off.
    """

    __slots__ = ("field", "help", "names", "repeat", "value")

    def __init__(self, names: str, field: str, value: str, help: str, repeat: bool = False) -> None:
        self.names, self.field, self.value, self.help, self.repeat = names.split(), field, value, help, repeat


class Arguments:
    """What was given: `operands` in order, values by field, and how the option of a field was spelled (`-n` or `--name`)."""

    __slots__ = ("operands", "spelled", "values")

    def __init__(self) -> None:
        self.operands: list[str] = []
        self.spelled: dict[str, str] = {}
        self.values: dict[str, list[str]] = {}

    def __contains__(self, field: str) -> bool:
        return field in self.values

    def text(self, field: str) -> "str | None":
        """The (last) value of an option, None when it was not given."""
        return self.values[field][-1] if field in self.values else None

    def texts(self, field: str) -> "list[str]":
        """All values of a repeated option, in order."""
        return self.values.get(field, [])

    def flag(self, field: str) -> bool:
        """Whether a flag was given (and not taken back by its `--no-` form)."""
        return self.values.get(field, [""])[-1] != ""


def parse(table: "Sequence[Option]", argv: "Iterable[str]") -> Arguments:
    """Read words by a table. Raises UsageError for an unknown option (naming the nearest) or a missing or unwanted value."""
    by_name = {name: option for option in table for name in option.names}
    found, words = Arguments(), list(argv)
    at = 0
    while at < len(words):
        word = words[at]
        at += 1
        if word == "--":
            found.operands += words[at:]
            break
        if word[:1] != "-" or word == "-":
            found.operands.append(word)
            continue
        option, name, value = _split(by_name, word)
        if not option.value:
            if value is not None:
                raise UsageError(f"option {name} takes no value (got {value!r})")
            value = "" if name[:5] == "--no-" else name
        elif value is None:
            if at == len(words) or words[at] in by_name or words[at] == "--":
                raise UsageError(f"option {name} needs a value: {name} {option.value}")
            value = words[at]
            at += 1
        found.spelled[option.field] = name
        if option.repeat:
            found.values.setdefault(option.field, []).append(value)
        else:
            found.values[option.field] = [value]
    return found


def _split(by_name: "dict[str, Option]", word: str) -> "tuple[Option, str, str | None]":
    """The option of a word, the name as written and the value attached to it, if any."""
    if word in by_name:
        return by_name[word], word, None
    if word[:2] == "--":
        name, equals, value = word.partition("=")
        if equals and name in by_name:
            return by_name[name], name, value
    elif word[:2] in by_name and by_name[word[:2]].value and "-" + word.partition("=")[0] not in by_name:  # -queue is --queue mistyped
        return by_name[word[:2]], word[:2], word[2:]
    name = word.partition("=")[0]
    raise UsageError(f"unknown option {name}{did_you_mean(name, by_name)}")


def did_you_mean(word: str, choices: "Iterable[str]") -> str:
    """`: did you mean X?` with the nearest of the choices, or nothing. Case does not count."""
    from difflib import get_close_matches

    known = {choice.lower(): choice for choice in choices}
    near = get_close_matches(word.lower(), known, 1, 0.6) or get_close_matches("-" + word.lower(), known, 1, 0.8)
    return f": did you mean {known[near[0]]}?" if near else ""
