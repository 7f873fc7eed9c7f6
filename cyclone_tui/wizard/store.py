"""Drafts on disk: kept at every step, offered again, gone after success. One file each, 0600, below the configuration directory.

Secrets are not written: the values of variables, build arguments and options whose names say what they are (PASSWORD, TOKEN, ...)
are left out, and the field is marked for review when the draft comes back. A file that cannot be read is no draft.
"""

import json
import os
import re
import secrets
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from cyclone_core import paths
from cyclone_core.errors import StateUnusable
from cyclone_core.resource_fields import plain
from cyclone_tui.wizard.draft import Draft, Entry
from cyclone_tui.wizard.values import is_empty, normal, specs_of

_SECRET = re.compile(r"passw|secret|token|credential|api_?key|access_?key|(?:^|_)key(?:$|_)|private|auth", re.IGNORECASE)
_VERSION = 1
_LAST = "last-used.json"


@dataclass(frozen=True)
class Kept:
    """A draft as it lies there."""

    key: str
    kind: str
    mode: str
    host: str
    name: str
    at: float
    """seconds since 1970"""
    entries: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    visited: tuple[str, ...] = ()
    review: tuple[str, ...] = ()
    step: str = ""
    withheld: tuple[str, ...] = ()
    """fields whose secrets were not kept"""
    deployment: int | None = None
    """the deployment that was to make it true"""


class Drafts:
    """The drafts of one user."""

    def __init__(self, directory: str | None = None, clock: Callable[[], float] = time.time) -> None:
        """directory: where they lie; by default below the user's configuration directory."""
        self.directory = directory or os.path.join(paths.config_dir(), "drafts")
        self._clock = clock

    def keep(self, draft: Draft, deployment: int | None = None) -> Draft:
        """Write a draft; returns it with its key. deployment: what was started for it. Raises StateUnusable."""
        key = draft.key or f"{draft.kind}-{secrets.token_hex(4)}"
        entries, withheld = {}, []
        for name, entry in draft.entries.items():
            value, is_whole = _without_secrets(draft, name, entry.value)
            withheld += [] if is_whole else [name]
            entries[name] = {"value": plain(value), "origin": entry.origin, "source": entry.source}
        record = {
            "version": _VERSION, "kind": draft.kind, "mode": draft.mode, "host": draft.host.name, "name": draft.name, "at": self._clock(),
            "step": draft.step, "visited": sorted(draft.visited), "review": sorted(draft.review), "entries": entries, "withheld": withheld,
            "deployment": deployment,
        }  # fmt: skip
        self._write(f"{key}.json", record)
        return replace(draft, key=key)

    def list(self, kind: str | None = None, host: str | None = None) -> list[Kept]:
        """What was kept, the newest first; of one kind and host."""
        entries: list[str] = []
        with suppress(OSError):
            entries = os.listdir(self.directory)
        found = (self._read(entry) for entry in entries if entry.endswith(".json") and entry != _LAST)
        chosen = [kept for kept in found if kept is not None and kind in (None, kept.kind) and host in (None, kept.host)]
        return sorted(chosen, key=lambda kept: kept.at, reverse=True)

    def forget(self, key: str) -> None:
        """Remove a draft; one that is gone is gone."""
        with suppress(OSError):
            os.unlink(os.path.join(self.directory, f"{key}.json"))

    def remember(self, draft: Draft) -> None:
        """After success: the answers that the next wizard of this kind begins with. Only names and addresses that are asked for."""
        specs = specs_of(draft.model)
        asked = (
            name for name, entry in draft.entries.items() if specs[name].option.prompt and specs[name].shape == "text" and name != "name"
        )
        values = {name: draft.value(name) for name in asked if not is_empty(draft.value(name)) and not draft.is_default(name)}
        everything = {**self._last(), f"{draft.host.name}/{draft.kind}": values}
        with suppress(StateUnusable):  # a convenience: its loss is no failure of what was just done
            self._write(_LAST, everything)

    def last_used(self, draft: Draft) -> Mapping[str, object]:
        """The answers that `remember` kept for such a draft."""
        found = self._last().get(f"{draft.host.name}/{draft.kind}")
        return found if isinstance(found, dict) else {}

    def _last(self) -> dict[str, Any]:
        with suppress(OSError, ValueError), open(os.path.join(self.directory, _LAST), encoding="utf-8") as file:
            found = json.load(file)
            return found if isinstance(found, dict) else {}
        return {}

    def _read(self, entry: str) -> Kept | None:
        try:
            with open(os.path.join(self.directory, entry), encoding="utf-8") as file:
                raw = json.load(file)
            if raw["version"] != _VERSION or not all(isinstance(value, dict) for value in raw["entries"].values()):
                return None
            return Kept(
                entry.removesuffix(".json"), str(raw["kind"]), str(raw["mode"]), str(raw["host"]), str(raw["name"]), float(raw["at"]),
                dict(raw["entries"]), tuple(raw["visited"]), tuple(raw["review"]), str(raw["step"]), tuple(raw["withheld"]),
                raw.get("deployment"),
            )  # fmt: skip
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def _write(self, name: str, record: Mapping[str, Any]) -> None:
        path = os.path.join(self.directory, name)
        try:
            os.makedirs(self.directory, 0o700, exist_ok=True)
            descriptor, temporary = tempfile.mkstemp(prefix=".new-", dir=self.directory)  # 0600 by its contract
            try:
                with open(descriptor, "w", encoding="utf-8") as file:
                    json.dump(record, file, ensure_ascii=True, indent=1)
                os.replace(temporary, path)
            except OSError:
                os.unlink(temporary)  # drafts are kept every other second: a full disk must not collect their beginnings
                raise
        except OSError as exc:
            raise StateUnusable(f"the draft cannot be kept: {path}: {exc.strerror}. Make the directory writable") from exc


def resume(base: Draft, kept: Kept) -> Draft:
    """A kept draft on top of a fresh one, which holds what the host has now."""
    known = {name: entry for name, entry in kept.entries.items() if name in specs_of(base.model)}
    entries = {name: Entry(entry.get("value"), entry.get("origin", "given"), str(entry.get("source", ""))) for name, entry in known.items()}
    return replace(
        base,
        entries=entries,
        visited=frozenset(kept.visited),
        review=frozenset(kept.review) | frozenset(kept.withheld),
        step=kept.step,
        key=kept.key,
    )


def _without_secrets(draft: Draft, name: str, value: object) -> tuple[object, bool]:
    """(what may be written, whether that is all of it)."""
    spec = specs_of(draft.model).get(name)
    if spec is None or spec.shape != "map" or is_empty(value):
        return value, True
    try:
        pairs = normal(draft.model, name, value)
    except ValueError:
        return None, False
    open_ones = {key: item for key, item in pairs.items() if not _SECRET.search(str(key))}
    return (value, True) if len(open_ones) == len(pairs) else (open_ones, False)
