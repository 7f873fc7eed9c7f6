"""The user's settings of the full-screen interface: `cyclone.yaml` in the configuration directory.

Read once at the start; a mistake in the file costs that setting only and is told. Written by the settings screen alone.
"""

import locale
import os
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from cyclone_core import paths
from cyclone_core.errors import InvalidRequest, StateUnusable
from cyclone_core.problems import Problem
from cyclone_core.resource_fields import Document, Option, TextMap, read

DEFAULT_THEME = "cyclone-dark"


class Settings(Document):
    """How the full-screen interface looks and behaves."""

    theme: Annotated[str, Option("Colours: cyclone-dark, cyclone-light, cyclone-contrast, cyclone-ansi, or any theme of the palette")] = (
        DEFAULT_THEME
    )
    refresh_s: Annotated[float, Field(ge=0.5, le=3600), Option("Seconds between two looks at the host")] = 2.0
    glyphs: Annotated[
        Literal["auto", "unicode", "ascii"], Option("Signs of states; auto: ASCII where the terminal or locale cannot show others")
    ] = "auto"
    bell: Annotated[bool, Option("Ring the terminal's bell when a job submitted here ends")] = False
    keys: Annotated[TextMap, Option("Other keys for actions, by the names that the help shows: {jobs.cancel: ctrl+k}")] = {}  # noqa: RUF012 - pydantic copies defaults
    columns: Annotated[TextMap, Option("Columns of tables, by view: {jobs: 'id,name,status'}")] = {}  # noqa: RUF012

    @property
    def ascii(self) -> bool:
        """Whether signs must be ASCII."""
        return self.glyphs == "ascii" or (self.glyphs == "auto" and not shows_unicode(os.environ))


def shows_unicode(environ: Any) -> bool:
    """Whether this terminal is likely to show more than ASCII: the kernel's console has few glyphs, a C locale promises none."""
    if environ.get("TERM") == "linux":
        return False
    chosen = environ.get("LC_ALL") or environ.get("LC_CTYPE") or environ.get("LANG") or locale.getlocale()[1] or ""
    return "utf" in chosen.lower() or not chosen


@dataclass(frozen=True)
class Loaded:
    """Settings, and what was wrong with their file."""

    settings: Settings
    problems: tuple[Problem, ...] = ()


def path() -> str:
    """Where they are kept."""
    return os.path.join(paths.config_dir(), "cyclone.yaml")


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
        found = yaml.safe_load(text)
    except yaml.YAMLError as exc:
        return Loaded(Settings(), (Problem(path(), f"is not YAML: {' '.join(str(exc).split())}", "Correct or remove it"),))
    if found is None:
        return Loaded(Settings())
    if not isinstance(found, dict):
        return Loaded(Settings(), (Problem(path(), "does not hold names and values", "Write lines such as: theme: cyclone-light"),))
    return _kept(found)


def _kept(found: dict[str, object]) -> Loaded:
    """What is good of it."""
    problems: list[Problem] = []
    while True:
        try:
            return Loaded(read(Settings, found), tuple(problems))
        except InvalidRequest as exc:
            bad = {problem.path.partition(".")[0].partition("[")[0] for problem in exc.problems} & found.keys()
            problems += [Problem(f"{path()}: {one.path}", one.message, one.hint) for one in exc.problems]
            if not bad:
                return Loaded(Settings(), tuple(problems))
            found = {name: value for name, value in found.items() if name not in bad}


def save(settings: Settings) -> str:
    """Keep what differs from the defaults; returns the file's path. Raises StateUnusable."""
    import yaml

    values = {name: value for name, value in settings.model_dump().items() if value != Settings.model_fields[name].default}
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
