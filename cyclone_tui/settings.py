"""The user's settings of the full-screen interface: `cyclone.yaml` in the configuration directory.

Read once at the start; a mistake in the file costs that setting only and is told. Written by the settings screen alone. Plain dataclasses,
no pydantic: that would cost a fifth of the time to the first paint.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, get_args

from cyclone_core import paths
from cyclone_core.errors import InvalidRequest, StateUnusable
from cyclone_core.options import did_you_mean
from cyclone_core.problems import Problem, Problems

Glyphs = Literal["auto", "unicode", "ascii"]
REFRESH_S = (0.5, 3600.0)
"""Bounds of `Settings.refresh_s`, seconds."""


def _setting(default: Any, help: str) -> Any:
    if isinstance(default, dict):
        return field(default_factory=dict, metadata={"help": help})
    return field(default=default, metadata={"help": help})


@dataclass(frozen=True)
class Settings:
    """How the full-screen interface looks and behaves."""

    theme: str = _setting("cyclone-dark", "Colours: cyclone-dark, -light, -contrast, -ansi, or any theme of the palette")
    refresh_s: float = _setting(2.0, "Seconds between two looks at the host")
    glyphs: Glyphs = field(
        default="auto", metadata={"help": "Signs of states; auto: ASCII where the terminal or locale cannot show others"}
    )
    bell: bool = _setting(False, "Ring the terminal's bell when a job submitted here ends")
    keys: Mapping[str, str] = _setting({}, "Other keys for actions, by the names in docs/keys.md, such as jobs.cancel")
    columns: Mapping[str, str] = _setting({}, "Columns of tables, by view, such as jobs: id,name,status")

    @property
    def ascii(self) -> bool:
        """Whether signs must be ASCII."""
        return self.glyphs == "ascii" or (self.glyphs == "auto" and not shows_unicode(os.environ))


@dataclass(frozen=True)
class Loaded:
    """Settings, and what was wrong with their file."""

    settings: Settings
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class Described:
    """One setting, for the screen that changes it."""

    name: str
    help: str
    default: object
    choices: tuple[str, ...] = ()


def described() -> tuple[Described, ...]:
    """All of them, in the order of their declaration."""
    default, choices = Settings(), {"glyphs": get_args(Glyphs), "bell": ("yes", "no")}
    return tuple(
        Described(one.name, one.metadata["help"], getattr(default, one.name), choices.get(one.name, ())) for one in fields(Settings)
    )


def show(value: object) -> str:
    """A value as people write it; "none" for an empty one."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {one}" for key, one in value.items()) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


COERCED = ("C.UTF-8", "C.utf8", "UTF-8")
"""What Python makes of LC_CTYPE in a C locale, in its own environment as well: it says nothing of the terminal."""


def shows_unicode(environ: Mapping[str, str]) -> bool:
    """Whether this terminal is likely to show more than ASCII: the kernel's console has few glyphs, a C locale promises none."""
    if environ.get("TERM") == "linux":
        return False
    given = environ.get("LC_CTYPE")
    if given in COERCED and environ.get("LANG") in ("C", "POSIX"):
        given = None
    chosen = environ.get("LC_ALL") or given or environ.get("LANG") or ""
    return "utf" in chosen.lower() or not chosen


def path() -> str:
    """Where they are kept."""
    return os.path.join(paths.config_dir(), "cyclone.yaml")


def read(given: Mapping[Any, object]) -> Settings:
    """Settings from names and values. Raises InvalidRequest with every problem."""
    problems, known = Problems(), {one.name for one in fields(Settings)}
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name not in known:
            near = did_you_mean(str(name), known)
            problems.add(str(name), f"is not a setting{near}", "" if near else f"Known: {', '.join(sorted(known))}")
        elif value is not None:
            values[name] = _read_one(name, value, problems)
    problems.check()
    return Settings(**values)


def _read_one(name: str, value: object, problems: Problems) -> object:
    match name:
        case "refresh_s":
            return _read_seconds(value, problems)
        case "glyphs" if value not in get_args(Glyphs):
            problems.add(name, f"{value!r} is not one of {', '.join(get_args(Glyphs))}")
        case "bell" if not isinstance(value, bool):
            words = {"yes": True, "true": True, "on": True, "no": False, "false": False, "off": False}
            if str(value).lower() in words:
                return words[str(value).lower()]
            problems.add(name, f"{value!r} is neither yes nor no")
        case "keys" | "columns":
            return _read_map(name, value, problems)
        case "theme" if not isinstance(value, str):
            problems.add(name, f"{value!r} is not the name of a theme")
    return value


def _read_seconds(value: object, problems: Problems) -> float:
    low, high = REFRESH_S
    try:
        seconds = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        problems.add("refresh_s", f"{value!r} is not a number of seconds")
        return low
    if not low <= seconds <= high:
        problems.add("refresh_s", f"must be from {low:g} to {high:g} seconds, it is {value}")
    return seconds


def _read_map(name: str, value: object, problems: Problems) -> dict[str, str]:
    """A map, or `a: b; c: d` as the screen shows it."""
    if isinstance(value, str):
        pairs = [part.partition(":") for part in value.split(";") if part.strip() and value != "none"]
        value = {key.strip(): one.strip() for key, _, one in pairs}
    if not isinstance(value, Mapping) or not all(isinstance(one, str) and one for one in value.values()):
        problems.add(name, f"{value!r} is not a list of names and texts", "Write NAME: TEXT; NAME: TEXT")
        return {}
    return {str(key): one for key, one in value.items()}


def load() -> Loaded:
    """The user's settings; defaults where nothing, or nonsense, is set."""
    try:
        with open(path(), encoding="utf-8") as file:
            text = file.read()
    except FileNotFoundError:
        return Loaded(Settings())
    except (OSError, UnicodeError) as exc:
        return Loaded(Settings(), (Problem(path(), f"cannot be read: {exc}", "Correct or remove it"),))
    import yaml

    try:
        found = yaml.safe_load(text) or {}
    except yaml.YAMLError as exc:
        return Loaded(Settings(), (Problem(path(), f"is not YAML: {' '.join(str(exc).split())}", "Correct or remove it"),))
    if not isinstance(found, dict):
        return Loaded(Settings(), (Problem(path(), "does not hold names and values", "Write lines such as: theme: cyclone-light"),))
    return _kept(found)


def _kept(found: Mapping[Any, object]) -> Loaded:
    """What is good of it."""
    try:
        return Loaded(read(found))
    except InvalidRequest as exc:
        bad = {problem.path for problem in exc.problems}
        told = tuple(Problem(f"{path()}: {one.path}", one.message, one.hint) for one in exc.problems)
        return Loaded(read({name: value for name, value in found.items() if str(name) not in bad}), told)


def save(settings: Settings) -> str:
    """Keep what differs from the defaults; returns the file's path. Raises StateUnusable."""
    import yaml

    default = Settings()
    values = {one.name: getattr(settings, one.name) for one in fields(settings)}
    values = {name: value for name, value in values.items() if value != getattr(default, name)}
    text = "# How `cyclone` looks and behaves; the settings screen writes this file.\n"
    text += yaml.safe_dump(values, sort_keys=False, allow_unicode=True) if values else ""
    new = path() + ".new"
    try:
        os.makedirs(paths.config_dir(), 0o700, exist_ok=True)
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(new, path())
    except OSError as exc:
        raise StateUnusable(f"{path()} cannot be written: {exc.strerror}. The settings hold until you quit") from exc
    return path()
