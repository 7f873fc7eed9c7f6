"""A draft: the answers given so far for one resource, where each came from, and which steps were seen. The truth behind every view.

A value: every change makes another draft. It judges nothing (`verdicts`), looks nothing up (`sources`) and keeps what it is told: an
answer that became doubtful because another one changed is marked for review and never reset.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from cyclone_core.field_meaning import ONLY_WITH, is_meant
from cyclone_core.operations.discovery import Finding
from cyclone_core.resource_bodies import settings
from cyclone_core.resource_fields import LAST_STEP, Document, FieldSpec, HostType, plain
from cyclone_core.resources import MODELS, Host
from cyclone_tui.wizard.values import is_empty, same, specs_of

Mode = Literal["create", "update"]
Origin = Literal["default", "stored", "discovered", "last used", "given"]
"""Where a value came from."""
_FIRST: Mapping[str, tuple[str, ...]] = {"host": ("sandbox", "profile")}
"""Fields that come before the others of their page, because what can be chosen there depends on them."""
REVIEW = "Review"
"""The last step of every wizard."""


@dataclass(frozen=True)
class Entry:
    """One answer."""

    value: object
    origin: Origin = "given"
    source: str = ""
    """where a discovered value was found"""


@dataclass(frozen=True)
class Step:
    """One page: fields that belong together."""

    name: str
    specs: tuple[FieldSpec, ...]


@dataclass(frozen=True)
class Draft:
    """See the module; `begin` and `edit` make them."""

    kind: str
    host: Host
    """the host that the resource will belong to; for hosts, the one that is selected"""
    mode: Mode = "create"
    model: type[Document] = Document
    stored: Mapping[str, object] = field(default_factory=dict)
    """the resource as the host has it, for an update"""
    entries: Mapping[str, Entry] = field(default_factory=dict)
    visited: frozenset[str] = frozenset()
    """names of the steps that were left forwards"""
    review: frozenset[str] = frozenset()
    """fields to look at again, because what they depend on changed"""
    step: str = ""
    """the step that was shown last"""
    key: str = ""
    """name of the file that it is kept in; "" until it was kept"""

    # -- what there is ------------------------------------------------------------------------------------------------
    @property
    def host_type(self) -> HostType:
        """Whose fields are shown: that of the host, for a new host the one that was chosen."""
        if self.kind != "host":
            return self.host.type
        return "aws" if str(self.value("type")).strip().lower() == "aws" else "local"

    @property
    def name(self) -> str:
        """Name of the resource as it stands."""
        return str(self.value("name") or "")

    @property
    def specs(self) -> tuple[FieldSpec, ...]:
        """The fields that its host's type has, but for those that mean nothing with the other answers."""
        return tuple(spec for spec in specs_of(self.model).values() if spec.applies_to(self.host_type) and self._is_meant(spec.name))

    def _is_meant(self, name: str) -> bool:
        """Whether a field means something; one that was answered is shown all the same, so that the answer can be seen and taken back."""
        other, _ = ONLY_WITH.get((self.kind, name), ("", ()))
        if not other or self.host_type != "aws" or is_meant(self.kind, name, {other: str(self.value(other))}):
            return True
        return not self.is_default(name) and self.origin(name).origin != "discovered"

    @property
    def steps(self) -> tuple[Step, ...]:
        """The pages in order; a lone field at the beginning or the end shares its neighbour's page."""
        groups: dict[str, list[FieldSpec]] = {}
        first = _FIRST.get(self.kind, ())
        for spec in self.specs:
            groups.setdefault(spec.step, []).append(spec)
        for specs in groups.values():
            specs.sort(key=lambda spec: first.index(spec.name) if spec.name in first else len(first))
        if LAST_STEP in groups:
            groups[LAST_STEP] = groups.pop(LAST_STEP)
        pages = [Step(name, tuple(specs)) for name, specs in groups.items()]
        if len(pages) > 1 and len(pages[0].specs) == 1:
            pages[:2] = [_joined(*pages[:2])]
        if len(pages) > 1 and len(pages[-1].specs) == 1 and "," not in pages[-2].name:
            pages[-2:] = [_joined(*pages[-2:])]
        return tuple(pages)

    def step_of(self, name: str) -> str:
        """The page that a field stands on; "" for one that is not shown."""
        return next((step.name for step in self.steps for spec in step.specs if spec.name == name), "")

    def value(self, name: str) -> Any:
        """The answer as it was given, else what is stored, else the default."""
        entry = self.entries.get(name)
        return entry.value if entry else self._before(name)

    def origin(self, name: str) -> Entry:
        """The answer with where it came from."""
        return self.entries.get(name) or Entry(self._before(name), "stored" if self._is_stored(name) else "default")

    def is_default(self, name: str) -> bool:
        """Whether the field means its default."""
        return same(self.model, name, self.value(name), None)

    def is_changed(self, name: str) -> bool:
        """Whether the field differs from what is stored (update) or from the default (create)."""
        return not same(self.model, name, self.value(name), self._before(name))

    @property
    def is_touched(self) -> bool:
        """Whether somebody answered anything: what is worth keeping."""
        return any(entry.origin == "given" for entry in self.entries.values())

    def given(self) -> dict[str, object]:
        """What `operations` takes: the name, and the fields that differ. A cleared field of an update is given as its default."""
        found: dict[str, object] = {"name": self.name} if self.name else {}
        for name in specs_of(self.model):
            unseen = self.origin(name).origin == "discovered" and not self._is_meant(name)  # nobody answered it
            if name != "name" and self.is_changed(name) and not unseen:
                found[name] = self._cleared(name) if is_empty(self.value(name)) else self.value(name)
        return found

    # -- what becomes of it -------------------------------------------------------------------------------------------
    def with_value(self, name: str, value: object, origin: Origin = "given", source: str = "") -> "Draft":
        """Another answer. Those that depend on it are to be looked at again."""
        if name in self.entries and self.entries[name].value == value and self.entries[name].origin == origin:
            return self
        doubtful = () if same(self.model, name, self.value(name), value) else self._dependants(name)
        entries = {**self.entries, name: Entry(value, origin, source)}
        return replace(self, entries=entries, review=(self.review | frozenset(doubtful)) - {name})

    def with_values(self, values: Mapping[str, object]) -> "Draft":
        """Several answers at once."""
        draft = self
        for name, value in values.items():
            draft = draft.with_value(name, value)
        return draft

    def without(self, name: str) -> "Draft":
        """The answer taken back: default or stored value."""
        draft = self.with_value(name, self._before(name))
        return replace(draft, entries={key: entry for key, entry in draft.entries.items() if key != name})

    def with_finding(self, finding: Finding) -> "Draft":
        """What discovery recommends, where nobody answered and nothing is stored."""
        entry = self.entries.get(finding.field)
        possible = {choice.value for choice in finding.choices}
        stale = entry is not None and entry.origin == "last used" and finding.closed and entry.value not in possible
        if self.mode == "update" or finding.recommended is None or not (entry is None or entry.origin == "discovered" or stale):
            return self
        entries = {**self.entries, finding.field: Entry(finding.recommended, "discovered", finding.source)}
        return replace(self, entries=entries)

    def with_last_used(self, values: Mapping[str, object]) -> "Draft":
        """Answers of the last time, where nobody answered."""
        known = {name: Entry(value, "last used") for name, value in values.items() if name in specs_of(self.model)}
        return replace(self, entries={**known, **self.entries})

    def seen(self, step: str) -> "Draft":
        """A page was left forwards: its doubtful answers were looked at."""
        fields = frozenset(spec.name for page in self.steps if page.name == step for spec in page.specs)
        return replace(self, visited=self.visited | {step}, review=self.review - fields)

    # -- inside -------------------------------------------------------------------------------------------------------
    def _is_stored(self, name: str) -> bool:
        return self.mode == "update" and not is_empty(self.stored.get(name))

    def _before(self, name: str) -> Any:
        if self._is_stored(name):
            return self.stored[name]
        spec = specs_of(self.model).get(name)
        return None if spec is None or spec.required else plain(spec.default)

    def _cleared(self, name: str) -> Any:
        return plain(specs_of(self.model)[name].default) or ""

    def _dependants(self, name: str) -> Iterable[str]:
        """Fields that depend on this one and that somebody has answered or seen."""
        for spec in self.specs:
            answered = self.origin(spec.name).origin in ("given", "stored", "last used") or self.step_of(spec.name) in self.visited
            if name in spec.option.depends_on and answered:
                yield spec.name


def _joined(first: Step, second: Step) -> Step:
    return Step(f"{first.name}, {second.name.lower()}", (*first.specs, *second.specs))


def begin(kind: str, host: Host, model: type[Document] | None = None) -> Draft:
    """An empty draft of a new resource."""
    return Draft(kind, host, "create", model or MODELS[kind])


def edit(kind: str, host: Host, body: Mapping[str, Any]) -> Draft:
    """A draft that changes what is there. body: as it is stored; for hosts, their fields."""
    stored = dict(body) if kind == "host" else settings(kind, body)
    return Draft(kind, host, "update", MODELS[kind], {name: plain(value) for name, value in stored.items()})
