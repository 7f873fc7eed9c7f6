"""Templates of targets: from the cache where they have been made before, else by a child process that has the CDK.

A template is a function of its target and of the sources that make it, so it is kept under both (`synth_cache`), and most commands never
start Node. The child (`synth_process`) starts with the first target that is not cached, or with `warm_up`, and lives as long as the
`Synthesizer`; it is started anew when it died. One `Synthesizer` may be used by several threads; they take turns.
"""

import json
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import TracebackType
from typing import Any

from cyclone_core.infra.synth_cache import Asset, Entry, TemplateCache
from cyclone_core.infra.synth_process import SynthProcess
from cyclone_core.infra.targets import Key, Target

__all__ = ["Asset", "Synthesizer", "Template"]


@dataclass(frozen=True)
class Template:
    """A target's template with what it needs to be deployed."""

    target: Target
    body: Mapping[str, Any]
    assets: tuple[Asset, ...] = ()
    """Files that have to be in the bucket of assets of the target's region before."""

    @property
    def tags(self) -> dict[str, str]:
        """Of the stack."""
        return self.target.tags

    @cached_property
    def text(self) -> str:
        """The template as it is deployed: JSON, the same for equal templates."""
        return json.dumps(self.body, sort_keys=True, separators=(",", ":"))


class Synthesizer:
    """Makes templates; to be closed."""

    def __init__(self, cache: str | None = None) -> None:
        """cache: a directory in place of the user's own."""
        self._cache = TemplateCache(cache)
        self._process = SynthProcess()
        self._turn = threading.Lock()

    @property
    def cache(self) -> str:
        """The directory of what was made before."""
        return str(self._cache.root)

    def templates(self, targets: Iterable[Target]) -> dict[Key, Template]:
        """The template of each target, in the order of the targets.

        Raises MissingExtra where the CDK is needed and not installed, CycloneError when a template cannot be made (which, and why).
        """
        wanted = list(targets)
        with self._turn:
            found = {target.key: entry for target in wanted if (entry := self._cache.get(target)) is not None}
            missing = [target for target in wanted if target.key not in found]
            if missing:
                with self._process.synthesised(missing) as made:
                    found.update((target.key, self._cache.put(target, entry)) for target, entry in zip(missing, made, strict=True))
        return {target.key: _template(target, found[target.key]) for target in wanted}

    def warm_up(self) -> None:
        """Start the child, if it does not run, and do not wait for it: what is asked next is then answered in tenths of a second.

        Does nothing where the CDK is not installed.
        """
        with self._turn:
            self._process.warm_up()

    def close(self) -> None:
        """End the child and remove its files; asking again starts another."""
        with self._turn:
            self._process.end()

    def __enter__(self) -> "Synthesizer":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def _template(target: Target, entry: Entry) -> Template:
    return Template(target, json.loads(entry.text), entry.assets)
