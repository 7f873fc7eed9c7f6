"""The language of `/`: what a user types to narrow a list of jobs, read into terms, and written back.

    train                 name or id contains it (letters in any case)
    queue:gpu             that value; also status name user definition id, or only their first letters
    status:failed,error   one of several       name:train-*   with wildcards       id:10-20   a range
    /v[0-9]+$/            a regular expression in name or id; name:/…/ in a column
    tasks>100 took>1h     numbers and times    submitted<2h   younger than         ended>2026-11-01   later than
    !queue:gpu            the opposite of any term
    "two words"           quotes keep blanks, colons and commas

Terms are separated by blanks and all must hold. A mistake never gives a wrong list: it is a `Problem` with its place and a remedy.
Pure: reads nothing, asks nobody.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from cyclone_core.errors import InvalidRequest
from cyclone_core.jobs import STATES
from cyclone_core.options import did_you_mean
from cyclone_core.problems import Problem
from cyclone_core.scheduler.job_terms import DURATIONS, MOMENTS, NUMBERS, TEXTS, Compare, Contains, Matches, OneOf, Term

COLUMNS = tuple(dict.fromkeys((*TEXTS, *NUMBERS, *DURATIONS, *MOMENTS)))
"""Every column that a term may name."""
_SHORT = {"n": "name", "q": "queue", "s": "status", "u": "user", "d": "definition", "i": "id"}
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_HEAD = re.compile(r"([A-Za-z_]+)(:|>=|<=|>|<|=)")
_PLAIN = re.compile(r'[^\s",:/!<>=\\]+')


@dataclass(frozen=True)
class Filter:
    """Terms that must all hold; none: every job. `parse(filter.text) == filter`."""

    terms: tuple[Term, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.terms)

    @property
    def text(self) -> str:
        """The filter as it would be typed."""
        return " ".join(map(_written, self.terms))

    def values(self, column: str) -> tuple[str, ...] | None:
        """The values that the filter allows in a column by name, None where it does not say."""
        found = [term.values for term in self.terms if isinstance(term, OneOf) and term.column == column and not term.negated]
        return found[0] if found else None

    def with_values(self, column: str, values: Sequence[str]) -> "Filter":
        """The same filter with other values for a column; none: without it."""
        rest = tuple(term for term in self.terms if not (isinstance(term, OneOf) and term.column == column and not term.negated))
        return Filter((*rest, OneOf(column, tuple(values))) if values else rest)

    def qstat(self) -> tuple[str, ...] | None:
        """The arguments with which `qstat` lists the same jobs, None when it cannot say it."""
        options = {"queue": "-q", "name": "-j", "status": "-f", "user": "-u"}
        arguments: list[str] = []
        for term in self.terms:
            if not isinstance(term, OneOf) or term.negated or len(term.values) != 1 or term.column not in options:
                return None
            option, value = options[term.column], term.values[0]
            if option in arguments or set(value) & set("*?"):
                return None
            arguments += (option, value)
        return tuple(arguments)


EVERYTHING = Filter()


def parse(text: str) -> Filter:
    """The filter that a text means. Raises InvalidRequest with a problem for every term that means nothing."""
    problems: list[Problem] = []
    terms = tuple(term for at, word in words(text) if (term := _term(word, at, problems)) is not None)
    if problems:
        raise InvalidRequest(problems)
    return Filter(terms)


def words(text: str) -> list[tuple[int, str]]:
    """(place, text) of each term; blanks inside quotes and between the slashes of a regular expression belong to it."""
    found: list[tuple[int, str]] = []
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        end = _end(text, at)
        found.append((at, text[at:end]))
        at = end
    return found


def _end(text: str, at: int) -> int:
    """Where the term that begins at `at` ends."""
    closing, begun = "", True
    while at < len(text):
        letter = text[at]
        if closing:
            at += letter == "\\"
            closing = "" if letter == closing else closing
        elif letter.isspace():
            return at
        elif letter == '"' or (letter == "/" and begun):
            closing = letter
        begun = letter in "!:," or (begun and letter == "!")
        at += 1
    return at


def _term(word: str, at: int, problems: list[Problem]) -> Term | None:
    """One term; None with a problem added when there is something wrong with it."""
    place = f"character {at + 1}"
    bare = word[1:] if word.startswith("!") else word
    try:
        term = _read(bare)
    except _Wrong as wrong:
        problems.append(Problem(place, f"{word}: {wrong.why}", wrong.remedy))
        return None
    return replace(term, negated=True) if bare is not word else term


class _Wrong(Exception):
    def __init__(self, why: str, remedy: str) -> None:
        super().__init__(why)
        self.why, self.remedy = why, remedy


def _read(word: str) -> Term:
    if not word:
        raise _Wrong("there is nothing after !", "Write what must not be so, such as !status:failed")
    if word.startswith("/"):
        return Matches("", _pattern(word))
    head = _HEAD.match(word)
    if not head:
        return Contains(_unquoted(word))
    column, operator, value = _column(head[1]), head[2], word[head.end() :]
    if not value:
        raise _Wrong(f"there is no value after {operator}", f"Write one, such as {head[1]}{operator}{_example(column)}")
    if operator not in (":", "=") or column not in TEXTS:
        return _comparison(column, "=" if operator == ":" else operator, value)
    if value.startswith("/"):
        return Matches(column, _pattern(value))
    return OneOf(column, tuple(_value(column, one) for one in _alternatives(value)))


def _column(name: str) -> str:
    lower = name.lower()
    if lower in COLUMNS:
        return lower
    if lower in _SHORT:
        return _SHORT[lower]
    near = did_you_mean(lower, COLUMNS)
    some = "" if near else f"One of {', '.join((*TEXTS, *DURATIONS, *MOMENTS))}, tasks, failed; or q"
    raise _Wrong(f"there is no column {name!r}{near}", f'{some or "Q"}uote a text that has such a sign: "{name}:…"')


def _pattern(text: str) -> str:
    if len(text) < 2 or not text.endswith("/") or re.search(r"(?<!\\)(\\\\)*\\/$", text):
        raise _Wrong("the regular expression has no end", f"Close it: {text}/")
    pattern = re.sub(r"\\(.)", lambda found: "/" if found[1] == "/" else found[0], text[1:-1])
    if not pattern:
        raise _Wrong("the regular expression is empty", "Write one between the slashes, such as /^train-[0-9]+$/")
    try:
        re.compile(pattern)
    except re.error as exc:
        raise _Wrong(
            f"the regular expression cannot be read: {exc}", r"Signs that stand for themselves need a backslash: \( \[ \* \+"
        ) from exc
    return pattern


def _alternatives(text: str) -> list[str]:
    """The values of a list with commas, without their quotes."""
    values, at, begin = [], 0, 0
    while at <= len(text):
        if at < len(text) and text[at] == '"':
            at = _end_of_quote(text, at)
        if at >= len(text) or text[at] == ",":
            values.append(_unquoted(text[begin:at]))
            begin = at + 1
        at += 1
    return [value for value in values if value] or _none(text)


def _none(text: str) -> list[str]:
    raise _Wrong(f"{text!r} has no value", "Write values between the commas, such as status:failed,error")


def _end_of_quote(text: str, at: int) -> int:
    """Just behind the quote that ends the one at `at`."""
    at += 1
    while at < len(text) and text[at] != '"':
        at += 1 + (text[at] == "\\")
    return at + 1


def _unquoted(text: str) -> str:
    """The text without quotes and the backslashes inside them."""
    if '"' not in text:
        return text
    out, at, quoted = [], 0, False
    while at < len(text):
        letter = text[at]
        if letter == '"':
            quoted = not quoted
        elif letter == "\\" and quoted and at + 1 < len(text):
            at += 1
            out.append(text[at])
        else:
            out.append(letter)
        at += 1
    if quoted:
        raise _Wrong("the quotes are not closed", f'Close them: {text}"')
    if not out:
        raise _Wrong("there is nothing between the quotes", "Write a text between them, or leave them out")
    return "".join(out)


def _value(column: str, text: str) -> str:
    """A value as the column knows it."""
    if column == "status":
        near = [state for state in STATES if state.lower().startswith(text.lower())]
        if len(near) == 1:
            return near[0]
        raise _Wrong(f"there is no status {text!r}{did_you_mean(text.capitalize(), STATES)}", f"One of {', '.join(map(str.lower, STATES))}")
    if column == "id" and not re.fullmatch(r"[0-9]{1,16}(-[0-9]{1,16})?", text):
        number = re.match(r"([0-9]{1,16})(--|\[|\.)", text)
        if number:  # a task: its job
            return number[1]
        raise _Wrong(f"{text!r} is not a job id", "Ids are numbers, such as id:1234, id:10-20 or id:1,2,3")
    return text


def _comparison(column: str, operator: str, text: str) -> Term:
    if column in TEXTS and column not in NUMBERS:
        raise _Wrong(f"{column} is a text: it cannot be compared with {operator}", f"Use {column}:VALUE, {column}:a* or {column}:/…/")
    if column in MOMENTS:
        moment = _moment(text)
        if moment is not None:
            return Compare(column, operator, moment, absolute=True, written=text)
    convert: Callable[[str], float | None] = _seconds if column in (*DURATIONS, *MOMENTS) else _number
    value = convert(text)
    if value is None:
        kind = "an age such as 2h or a day such as 2026-11-01" if column in MOMENTS else "a time" if column in DURATIONS else "a number"
        raise _Wrong(f"{text!r} is not {kind}", f"Write {column}{operator}{_example(column)}")
    return Compare(column, operator, value, written=text)


def _example(column: str) -> str:
    if column in MOMENTS:
        return "2h (younger or older than) or 2026-11-01"
    return {"status": "failed", "took": "1h30m", "id": "1234", "name": "train-*", "tasks": "100"}.get(
        column, "1" if column in NUMBERS else "default"
    )


def _number(text: str) -> float | None:
    match = re.fullmatch(r"(\d{1,15}(?:\.\d+)?)([kKmM]?)", text)
    return float(match[1]) * {"": 1, "k": 1e3, "m": 1e6}[match[2].lower()] if match else None


def _seconds(text: str) -> float | None:
    """`90`, `90s`, `1h30m`, `2d` in seconds."""
    if re.fullmatch(r"\d{1,12}(\.\d+)?", text):
        return float(text)
    if not re.fullmatch(r"(\d{1,9}(\.\d+)?[smhdw])+", text):
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in re.findall(r"([\d.]+)([smhdw])", text))


def _moment(text: str) -> float | None:
    """Seconds since 1970 of a day, or of a day and a time of day, in local time."""
    if not re.match(r"\d{4}-\d\d-\d\d", text):
        return None
    try:
        return datetime.fromisoformat(_unquoted(text)).timestamp()
    except (ValueError, OverflowError, OSError):
        return None


def _written(term: Term) -> str:
    sign = "!" if term.negated else ""
    match term:
        case Contains(text):
            return sign + _quoted(text)
        case Matches(column, pattern):
            return f"{sign}{column}{':' if column else ''}/{_slashed(pattern)}/"
        case OneOf(column, values):
            return f"{sign}{column}:{','.join(_quoted(value.lower() if column == 'status' else value) for value in values)}"
        case Compare(column, operator, value):
            return f"{sign}{column}{operator}{term.written or _figure(term, value)}"


def _slashed(pattern: str) -> str:
    """The pattern with its slashes protected."""
    return re.sub(r"(\\.)|/", lambda found: found[1] or "\\/", pattern, flags=re.DOTALL)


def _figure(term: Compare, value: float) -> str:
    if term.absolute:
        return datetime.fromtimestamp(value).isoformat()
    return f"{value:.10g}"


def _quoted(text: str) -> str:
    """In quotes where it would be read as something else."""
    if _PLAIN.fullmatch(text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
