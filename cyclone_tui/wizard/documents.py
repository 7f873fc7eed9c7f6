"""A draft as a YAML document and back; JSON is YAML too.

Reading is safe and literal: no objects are made, aliases and tags are refused, and a scalar stays the text that was written, because the
models read texts (`1.10` in an environment stays `1.10`, `yes` a word). Any spelling that the models accept is accepted, as are whole
files (`clusters: [...]`) and what `hyper ... --json` prints. Comments are lost. Problems name their line.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any

import yaml

from cyclone_core.problems import Problem
from cyclone_core.resource_bodies import settings
from cyclone_core.resource_fields import FieldSpec, fold, plain, spellings
from cyclone_tui.wizard.draft import Draft, Entry
from cyclone_tui.wizard.sources import MOST_BYTES
from cyclone_tui.wizard.values import is_empty, normal, same, specs_of

_WRAPPERS = {"definition": ("jobdefinitions", "jobdefinition"), "host": ("stacksettings",)}
"""Further names of the list that a file keeps a kind in."""
_ADDED = ("state", "createdat", "updatedat", "openjobs", "kind", "reason", "log", "selected", "statedir")
"""What the host adds to what was set: taken along when a listing is pasted, and left out again."""


@dataclass(frozen=True)
class Reading:
    """What a document says."""

    draft: Draft
    """the draft with its answers; unchanged when the document cannot be read"""
    problems: tuple[Problem, ...] = ()
    """what could not be taken over; paths are lines"""
    lines: Mapping[str, int] = field(default_factory=dict)
    """field -> its line, from 1"""


# ------------------------------------------------------------------------------------------------- writing


def to_yaml(draft: Draft) -> str:
    """Every field of the draft: those at their default as comments that say what they are."""
    lines = [f"# {draft.kind} of the host {draft.host.name}" if draft.kind != "host" else "# a host"]
    for step in draft.steps:
        lines += ["", f"# {step.name}"]
        for spec in step.specs:
            lines += _written(draft, spec)
    return "\n".join(lines) + "\n"


def to_short_yaml(draft: Draft) -> str:
    """The fields that differ from their defaults."""
    return _dump(_fields(draft))


def to_json(draft: Draft) -> str:
    """The fields that differ from their defaults."""
    return json.dumps(_fields(draft), indent=2, ensure_ascii=False) + "\n"


def _fields(draft: Draft) -> dict[str, Any]:
    return {spec.name: _plain(draft, spec) for spec in draft.specs if spec.name == "name" or not draft.is_default(spec.name)}


def _written(draft: Draft, spec: FieldSpec) -> list[str]:
    if spec.name != "name" and draft.is_default(spec.name):
        if spec.default in (None, (), {}) or isinstance(spec.default, Mapping):
            default = spec.default_text(draft.host_type)
            return [f"# {spec.name}:  # {spec.help}{f' (default: {default})' if default else ''}"]
        return [f"# {_dump({spec.name: plain(spec.default)}).strip()}  # {spec.help}".replace("\n", " ")]
    return _dump({spec.name: _plain(draft, spec)}).rstrip("\n").split("\n")


def _plain(draft: Draft, spec: FieldSpec) -> Any:
    try:
        return normal(draft.model, spec.name, draft.value(spec.name))
    except ValueError:
        return plain(draft.value(spec.name))


def _dump(value: object) -> str:
    return str(yaml.safe_dump(value, sort_keys=False, allow_unicode=True, default_flow_style=False, width=1000))


def fragment(value: object) -> str:
    """A part of a document, for editors of one field; "" for nothing."""
    if is_empty(value) or value in ([], {}, ()):
        return ""
    return value if isinstance(value, str) else _dump(plain(value)).rstrip("\n")


def read_fragment(text: str) -> object:
    """What an editor of one field holds, as the models take it. Raises ValueError naming the line."""
    if not text.strip():
        return None
    reader = _Reader()
    root = reader.compose(text)
    value = reader.value(root) if root is not None else None
    if reader.problems:
        raise ValueError("; ".join(f"{problem.path}: {problem.message}" for problem in reader.problems))
    return value


# ------------------------------------------------------------------------------------------------- reading


def read(draft: Draft, text: str) -> Reading:
    """The draft that a document describes. What it does not name goes back to its default."""
    if len(text.encode("utf-8", "replace")) > MOST_BYTES:
        return Reading(draft, (Problem("document", f"it has more than {MOST_BYTES // 1024} KiB", "Give one resource only"),))
    reader = _Reader()
    root = reader.compose(text)
    node = reader.resource(root, draft) if root is not None else None
    if node is None:
        return Reading(draft, tuple(reader.problems))
    fields, lines = reader.fields(node, draft)
    changed = _taken(draft, fields)
    return Reading(changed, tuple(reader.problems), lines)


def _taken(draft: Draft, fields: Mapping[str, object]) -> Draft:
    for name in specs_of(draft.model):
        if name in fields and not is_empty(fields[name]):
            if not same(draft.model, name, fields[name], draft.value(name)):
                draft = draft.with_value(name, fields[name])
        elif name in draft.entries or not draft.is_default(name):
            draft = draft.with_value(name, None) if draft.mode == "update" and name != "name" else _dropped(draft, name)
    return draft


def _dropped(draft: Draft, name: str) -> Draft:
    entries = {key: entry for key, entry in draft.entries.items() if key != name}
    return replace(draft, entries=entries if name != "name" or draft.mode == "update" else {**entries, "name": Entry("")})


class _Reader:
    """Collects the problems of one document."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def compose(self, text: str) -> yaml.Node | None:
        """The document's nodes; None with a problem, or when it is empty."""
        try:
            for event in yaml.parse(text, Loader=yaml.SafeLoader):
                if isinstance(event, yaml.AliasEvent):
                    self._add(event.start_mark, f"*{event.anchor} repeats another part", "Write it out: aliases are not read")
                    return None
            return yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as exc:
            self._add(exc.problem_mark or exc.context_mark, f"it is no YAML: {exc.problem or exc.context}", "")
        except (yaml.YAMLError, RecursionError) as exc:
            self.problems.append(Problem("document", f"it is no YAML: {' '.join(str(exc).split()) or type(exc).__name__}"))
        return None

    def resource(self, root: yaml.Node, draft: Draft) -> yaml.MappingNode | None:
        """The mapping of one resource in what may be a whole file."""
        node = root
        wrappers = {fold(draft.kind), fold(draft.kind) + "s", *_WRAPPERS.get(draft.kind, ())}
        if isinstance(node, yaml.MappingNode):
            inner = (value for key, value in node.value if fold(str(key.value)) in wrappers and not isinstance(value, yaml.ScalarNode))
            node = next(inner, node)
        if isinstance(node, yaml.SequenceNode):
            return self._one_of(node, draft)
        if isinstance(node, yaml.MappingNode):
            return node
        self._add(node.start_mark, "it is no document of names and values", "Write lines such as: name: my-name")
        return None

    def fields(self, node: yaml.MappingNode, draft: Draft) -> tuple[dict[str, object], dict[str, int]]:
        """(values, lines) by field name."""
        names = spellings(draft.model)
        values: dict[str, object] = {}
        lines: dict[str, int] = {}
        added = {fold(str(key.value)) for key, _ in node.value} & {"createdat", "updatedat"}
        for key, value_node in node.value:
            written = str(key.value)
            name = names.get(fold(written))
            if name in lines:
                self._add(key.start_mark, f"{written} is there twice", f"Leave one of them out (the other is in line {lines[name]})")
            elif name is not None:
                values[name], lines[name] = self.value(value_node), key.start_mark.line + 1
            elif added:
                values[written] = self.value(value_node)
            elif fold(written) not in _ADDED:
                self._add(key.start_mark, f"{written} is not a known field", _nearest(written, list(specs_of(draft.model))))
        return (settings(draft.kind, values) if added and draft.kind != "host" else values), lines

    def value(self, node: yaml.Node) -> Any:
        """A part of the document: texts, lists and maps; None for null."""
        if not node.tag.startswith("tag:yaml.org,2002:") or "python" in node.tag:
            self._add(node.start_mark, f"the tag {node.tag} is not read", "Leave it out")
            return None
        if isinstance(node, yaml.MappingNode):
            return {str(key.value): self.value(item) for key, item in node.value}
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item) for item in node.value]
        return None if node.tag.endswith(":null") else str(node.value)

    def _one_of(self, node: yaml.SequenceNode, draft: Draft) -> yaml.MappingNode | None:
        found = [item for item in node.value if isinstance(item, yaml.MappingNode)]
        named = [item for item in found if draft.name and draft.name in (value.value for _, value in item.value)]
        if len(found) == 1 or len(named) == 1:
            return (named or found)[0]
        self._add(node.start_mark, f"there are {len(found)} of them, and this is about one", "Leave one of them only")
        return None

    def _add(self, mark: Any, message: str, hint: str) -> None:
        self.problems.append(Problem(f"line {mark.line + 1}" if mark else "document", message, hint))


def _nearest(written: str, known: list[str]) -> str:
    near = get_close_matches(written.lower(), known, 1, 0.6)
    return f"Did you mean {near[0]}?" if near else f"Known: {', '.join(known)}"
