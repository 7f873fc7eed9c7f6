"""The files of a configuration as they lie in their directory: JSON with one section each, and every problem of reading them.

Nothing is known here about fields: that is `configuration`. What is wrong is told with the file and, where JSON itself is broken, the line.
"""

import json
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from cyclone_core.problems import Problem, Problems
from cyclone_core.resource_fields import fold, from_text
from cyclone_core.scheduler.references import nearest

MOST_BYTES = 4 * 2**20
"""Largest file that is read: 10,000 resources have a fourth of it."""


@dataclass(frozen=True)
class Section:
    """One file and the one key in it."""

    file: str
    key: str
    single: bool = False
    """It is one object, not a list of them."""


@dataclass(frozen=True)
class Entry:
    """One resource as it is written."""

    place: str
    """`regions.json: regions[1]`"""
    raw: Mapping[str, Any]
    written: Mapping[str, str] = field(default_factory=dict)
    """Folded name -> the name as it is written, so that problems say what is in the file."""

    def at(self, name: str, usual: str = "") -> str:
        """Path of a field. usual: what such files call it, where it is not written."""
        return f"{self.place}.{self.written.get(fold(name)) or usual or name}"


def read(directory: str, section: Section, problems: Problems, others: Collection[str] = ()) -> list[Entry]:
    """What a file has; [] with problems recorded when it cannot be used. others: files of other sections, which are not meant."""
    document = _document(directory, section.file, problems, others)
    if document is None:
        return []
    for key in document:
        if fold(key) != fold(section.key):
            near = f"Did you mean {section.key}?" if nearest(key, [section.key]) else f"The only key of {section.file} is {section.key}"
            problems.add(f"{section.file}: {key}", "is not a known key", near)
    found = next((value for key, value in document.items() if fold(key) == fold(section.key)), None)
    value = from_text(found) if isinstance(found, str) else found
    if value is None or value == "":
        return []
    if section.single:
        return _entries([(f"{section.file}: {section.key}", value)], problems)
    if not isinstance(value, list):
        problems.add(
            f"{section.file}: {section.key}", f"{_kind(value)} where a list is expected", f'Write {{"{section.key}": [{{…}}, {{…}}]}}'
        )
        return []
    return _entries([(f"{section.file}: {section.key}[{index}]", item) for index, item in enumerate(value)], problems)


def _entries(values: list[tuple[str, Any]], problems: Problems) -> list[Entry]:
    found = []
    for place, value in values:
        item = from_text(value) if isinstance(value, str) else value
        if item is None:
            continue
        if not isinstance(item, Mapping):
            problems.add(place, f"{_kind(item)} where an object is expected", 'Write {"NAME": VALUE, …}')
            continue
        found.append(Entry(place, item, {fold(key): key for key in item}))
    return found


def _document(directory: str, file: str, problems: Problems, others: Collection[str]) -> Mapping[str, Any] | None:
    path = os.path.join(directory, file)
    try:
        with open(path, "rb") as opened:
            data = opened.read(MOST_BYTES + 1)
    except FileNotFoundError:
        problems.extend([_missing(directory, file, others)])
        return None
    except OSError as exc:
        problems.add(file, f"cannot be read: {exc.strerror}", f"Look at {path}")
        return None
    if len(data) > MOST_BYTES:
        problems.add(file, f"is larger than {MOST_BYTES // 2**20} MiB", "A configuration is a list of resources: is it the right file?")
        return None
    document = _parsed(file, data, problems)
    if document is not None and not isinstance(document, Mapping):
        problems.add(file, f"{_kind(document)} where an object is expected", 'Write {"KEY": [{…}, {…}]}')
        return None
    return document


def _missing(directory: str, file: str, others: Collection[str]) -> Problem:
    try:
        there = os.listdir(directory)
    except OSError:
        there = []
    near = nearest(file, [name for name in there if name.endswith(".json") and name not in others])
    return Problem(
        file, f"is not in {directory}", f"Is {near} meant? Rename it" if near else "Begin with the one in examples/configuration"
    )


def _parsed(file: str, data: bytes, problems: Problems) -> Any:
    try:
        return json.loads(
            data.decode("utf-8-sig"), object_pairs_hook=lambda pairs: _object(file, pairs, problems), parse_constant=_no_constant
        )
    except UnicodeDecodeError as exc:
        line = data.count(b"\n", 0, exc.start) + 1
        problems.add(f"{file}: line {line}", "is no UTF-8 text", "Save the file as UTF-8")
    except json.JSONDecodeError as exc:
        problems.add(f"{file}: line {exc.lineno}", f"is not JSON: {_lowered(exc.msg)} (column {exc.colno})", "Correct it")
    except (ValueError, RecursionError) as exc:
        problems.add(file, f"is not JSON: {exc or 'too deep'}", "Correct it")
    return None


def _object(file: str, pairs: list[tuple[str, Any]], problems: Problems) -> dict[str, Any]:
    """An object whose keys are all different: JSON itself would let the last one win."""
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        for key in dict.fromkeys(key for key in keys if keys.count(key) > 1):
            problems.add(f"{file}: {key}", "is written twice in one object, and only one can count", "Leave one of them out")
    return found


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is no number there")


def _lowered(text: str) -> str:
    return text[:1].lower() + text[1:]


def _kind(value: object) -> str:
    """A JSON value in words."""
    names = {bool: "true or false", int: "a number", float: "a number", str: "a text", list: "a list", dict: "an object"}
    return next((words for kind, words in names.items() if isinstance(value, kind)), "null")
