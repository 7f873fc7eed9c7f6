"""What the values of a submission mean: reading them from text, and the checks that every way of submitting shares.

The `read_` functions only read (ValueError with (message, hint) for text that means nothing); `check` looks at the finished request and
records every problem, so the command line, directives and the library refuse the same things with the same words.
"""

from cyclone_core.jobs import MAX_NAME, MAX_TASKS, PRIORITIES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from cyclone_core.jobs import JobRequest
    from cyclone_core.options import Arguments
    from cyclone_core.problems import Problems

    Range = tuple[int, int, int]
    """(low, high, step)"""

MAX_INDEX = 2**53 - 1
"""Largest index of a task."""
MAX_RETRIES = 1_000_000
MAX_TIMEOUT_S = 100 * 366 * 86400.0
"""Longer than any machine runs; a number beyond it is a mistake."""
BASE_ENVIRONMENT = ("PATH", "HOME", "USER", "LANG", "TMPDIR")
"""Variables of the submitter that every job gets."""
_JOINERS = {0x200C: None, 0x200D: None}
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_NAME_CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")


def read(
    arguments: "Arguments", where: "Callable[[str], str]", values: "dict[str, object]", places: "dict[str, str]", problems: "Problems"
) -> None:
    """Add the settings among some options to `values` (fields of a request, and `export_all`, `export`), later ones winning.

    where: the path of a problem with a field; it is kept in `places` for `check`.
    """
    for field in arguments.values:
        reader = _READERS.get(field)
        try:
            if field == "export":
                texts = values.setdefault("export", [])
                texts += [(where(field), text) for text in arguments.texts(field)]  # type: ignore[operator]
            elif field in ("warm", "export_all"):
                values[field] = arguments.flag(field)
            elif field == "array":
                values["indices"], values["ranges"], values["limit"] = read_array(arguments.text(field) or "")
                places["indices"] = places["ranges"] = places["limit"] = where(field)
            elif reader:
                values[field] = reader(arguments.text(field) or "")
        except ValueError as exc:
            problems.add(where(field), *exc.args)
        places[field] = where(field)


def read_number(text: str) -> int:
    """A whole number, maybe with a sign."""
    digits = text[1:] if text[:1] in ("-", "+") else text
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 18):
        raise ValueError(f"{text!r} is not a whole number", "")
    return int(text)


def read_array(text: str) -> "tuple[Range | None, tuple[Range, ...], int]":
    """`N`, `LOW-HIGH[:STEP]` or a list of them, with `%LIMIT` behind it: (the one range, the ranges of a list, limit or 0)."""
    try:
        span, percent, limit = text.partition("%")
        limited = _digits(limit) if percent else 0
        if "," in span:
            one, several = read_list(span)
        else:
            one, several = (_range(span) if "-" in span or ":" in span else (1, _digits(span), 1)), ()
    except ValueError as exc:
        if exc.args:
            raise
        raise ValueError(
            f"{text[:60]!r} is not an array range",
            "Write -t N, -t LOW-HIGH, -t LOW-HIGH:STEP, a list such as 1,5,9-12, and %LIMIT behind it",
        ) from None
    if percent and not limited:
        raise ValueError(f"{text!r} lets no task run: the limit after % is 0", "Leave %0 out for no limit")
    return one, several, limited


def read_list(text: str) -> "tuple[Range | None, tuple[Range, ...]]":
    """`1,5,9-12,20-40:5`, in any order: (one range, ()) when it comes to one, else (None, ranges in order). Raises ValueError."""
    from cyclone_core.indices import MAX_MIXED, MAX_STRETCHES, united

    ranges = [_range(part.strip()) for part in text.split(",")]
    if any(low < 1 for low, _, _ in ranges):
        raise ValueError(f"the array has an index below 1 in {text[:60]!r}: indices begin at 1", "")
    if not all(low <= high and step for low, high, step in ranges):
        raise ValueError
    try:
        found = united(ranges)
    except ValueError:
        raise ValueError(f"more than {MAX_MIXED:,} indices in ranges that overlap", "Write them so that each index is named once") from None
    if len(found) > MAX_STRETCHES:
        raise ValueError(f"the array has {len(found):,} ranges: at most {MAX_STRETCHES:,}", "")
    return (found[0], ()) if len(found) == 1 else (None, tuple(found))


def _range(text: str) -> "Range":
    """`N` or `LOW-HIGH[:STEP]`."""
    span, colon, step = text.partition(":")
    low, dash, high = span.partition("-")
    if colon and not dash:
        raise ValueError
    return _digits(low), _digits(high if dash else low), _digits(step) if colon else 1


def read_codes(text: str) -> "tuple[tuple[int, int], ...]":
    """`75,100-110`: ((75, 75), (100, 110))."""
    found = []
    for part in text.split(","):
        low, dash, high = part.strip().partition("-")
        try:
            codes = _digits(low), _digits(high if dash else low)
        except ValueError:
            raise ValueError(f"{part!r} is not an exit code", "Write numbers and ranges: --retry-exit 75,100-110") from None
        if not 1 <= codes[0] <= codes[1] <= 255:
            raise ValueError(f"{part!r} is not a range of exit codes of failures: they go from 1 to 255", "")
        found.append(codes)
    return tuple(found)


def read_duration(text: str) -> float:
    """Seconds of `90`, `90s`, `1.5h`, `1h30m`, `2d`, `MM:SS`, `HH:MM:SS` or `D-HH:MM:SS`."""
    try:
        if ":" in text:
            return _clock(text)
        total, number = 0.0, ""
        for char in text if text[-1:] in _UNITS else text + "s":
            if char in _UNITS:
                total += _decimal(number) * _UNITS[char]
                number = ""
            else:
                number += char
        return total
    except ValueError:
        raise ValueError(f"{text!r} is not a time", "Write seconds, or 90s, 15m, 2h, 1h30m, 2d, HH:MM:SS or D-HH:MM:SS") from None


def read_environment(
    texts: "Iterable[tuple[str, str]]", every: bool, environ: "Mapping[str, str]", problems: "Problems", based: bool = True
) -> "dict[str, str]":
    """A job's variables: the base, with `every` all of `environ`, and those named in texts of `NAME[=VALUE],…` (each with its place).

    Not `based`: the job runs on another machine, whose own base it gets.
    """
    wanted = environ if every else BASE_ENVIRONMENT if based else ()
    found = {name: environ[name] for name in wanted if name in environ and name != "_"}
    for where, text in texts:
        for item in _items(text):
            name, equals, value = item.partition("=")
            if not is_variable(name):
                hint = "Write NAME or NAME=VALUE, separated by commas; \\, is a comma in a value"
                problems.add(where, f"{name!r} is not the name of a variable", hint)
            elif equals:
                found[name] = value
            elif name in environ:
                found[name] = environ[name]
            else:
                problems.add(where, f"{name} is not set in this shell", f"Give its value: -v {name}=VALUE")
    return found


def is_variable(name: str) -> bool:
    """Whether a shell accepts it as the name of a variable."""
    return name.isascii() and name.isidentifier()


def is_name(text: str) -> bool:
    """Whether it can be the name of a queue, definition or other resource."""
    return 0 < len(text) <= 128 and _NAME_CHARACTERS.issuperset(text)


def task_count(indices: "tuple[int, int, int]") -> int:
    """Number of tasks of a range (low, high, step)."""
    low, high, step = indices
    return (high - low) // step + 1


def is_job_name(text: str) -> bool:
    """Whether it can be the name of a job: printable, with the joiners inside words of some scripts and inside emoji."""
    return 0 < len(text) <= MAX_NAME and (text.isprintable() or text.translate(_JOINERS).isprintable())


def job_name(text: str) -> str:
    """A text made fit to be a job's name: for names that nobody chose, such as a file's."""
    return "".join(char if char.isprintable() or ord(char) in _JOINERS else "?" for char in text)[:MAX_NAME] or "job"


def command_name(commands: str) -> str:
    """Job name for commands: the first program's name, behind assignments and brackets."""
    for word in commands.split():
        word = word.strip("(){};&|!'\"")
        if word and "=" not in word:
            return job_name(word.rpartition("/")[2])
    return "commands"


def check(request: "JobRequest", problems: "Problems", places: "Mapping[str, str]") -> None:
    """Record everything that is wrong with a request. places: where a field was given, its own name by default."""

    def add(field: str, message: str, hint: str = "") -> None:
        problems.add(places.get(field, field), message, hint)

    if not is_job_name(request.name):
        add("name", f"{_short(request.name)} cannot be a job's name: names are 1 to {MAX_NAME} printable characters, without line ends")
    for field, name in (("queue", request.queue), ("definition", request.definition)):
        if name is not None and not is_name(name):
            add(field, f"{_short(name)} cannot be the name of a {field}: names are 1 to 128 of A-Z a-z 0-9 . _ -")
    if not 0 <= request.retries <= MAX_RETRIES:
        add("retries", f"{request.retries} retries are not possible: 0 to {MAX_RETRIES:,}")
    if request.priority not in PRIORITIES:
        add("priority", f"{request.priority} is not a priority: {PRIORITIES[0]} to {PRIORITIES[-1]}")
    if not 0 <= request.timeout_s <= MAX_TIMEOUT_S:
        add("timeout_s", f"{request.timeout_s} seconds cannot be a timeout: 0 (none) to 100 years")
    if request.limit < 0:
        add("limit", f"{request.limit} tasks at once are not possible")
    if any(not (is_text(name) and is_text(value)) or not name or "=" in name for name, value in request.environment.items()):
        add("environment", "variables have a name without '=' and no NUL characters")
    _check_tasks(request, add)


def is_text(value: object) -> bool:
    """Whether it can be handed to a process: a string without NUL."""
    return isinstance(value, str) and "\0" not in value


def _check_tasks(request: "JobRequest", add: "Callable[..., None]") -> None:
    if request.indices is not None:
        low, high, step = request.indices
        if low < 1 and high >= 1:
            add("indices", f"the array begins at {low}: indices begin at 1")
        elif high < low or high < 1:
            add(
                "indices",
                f"the array {low}-{high} has no task" if low > 1 or high < 0 else "an array of 0 tasks cannot run",
                "Write -t N or -t LOW-HIGH",
            )
        elif step < 1:
            add("indices", f"the array's step is {step}: it must be at least 1")
        elif high > MAX_INDEX:
            add("indices", f"the array's last index is too large: at most {MAX_INDEX}")
        elif task_count(request.indices) > MAX_TASKS:
            add("indices", f"the array has {task_count(request.indices):,} tasks: at most {MAX_TASKS:,}")
    elif request.ranges:
        if request.ranges[-1][1] > MAX_INDEX:
            add("ranges", f"the array's last index is too large: at most {MAX_INDEX}")
        elif request.tasks > MAX_TASKS:
            add("ranges", f"the array has {request.tasks:,} tasks: at most {MAX_TASKS:,}")
    elif request.tasks < 1:
        add("parameters", "the array has no task")


def _digits(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= 18:
        return int(text)
    raise ValueError


def _decimal(text: str) -> float:
    whole, point, part = text.partition(".")
    return _digits(whole) + (_digits(part) / 10 ** len(part) if point else 0)


def _clock(text: str) -> float:
    days, dash, clock = text.rpartition("-")
    parts = [_digits(part) for part in clock.split(":")]
    if len(parts) > 3 or (dash and len(parts) < 3) or any(part > 59 for part in parts[1:]):
        raise ValueError
    hours, minutes, seconds = [0] * (3 - len(parts)) + parts
    return float((_digits(days) if dash else 0) * 86400 + hours * 3600 + minutes * 60 + seconds)


def _items(text: str) -> "list[str]":
    """Parts between commas, those escaped with a backslash left alone."""
    if "\\," not in text:
        return text.split(",")
    return [part.replace("\0", ",") for part in text.replace("\0", "?").replace("\\,", "\0").split(",")]


def _short(text: str) -> str:
    return repr(text) if len(text) <= 60 else f"{text[:60]!r}… ({len(text)} characters)"


_READERS: "dict[str, Callable[[str], object]]" = {
    "name": str, "queue": str, "definition": str, "retries": read_number, "retry_exit": read_codes, "timeout_s": read_duration,
    "priority": read_number,
}  # fmt: skip
