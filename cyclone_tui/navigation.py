"""Where one can go: the views by name, and how `:jobs q default` or `cyclone jobs --queue default` is read.

The views' modules are loaded when they are opened, so the first paint does not wait for the others.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from shlex import split
from typing import Any

from cyclone_core.errors import UsageError
from cyclone_core.options import did_you_mean


@dataclass(frozen=True)
class Place:
    """A view that has a name."""

    name: str
    help: str
    target: str
    """`module:Class`; the class takes a mapping of arguments"""
    aliases: tuple[str, ...] = ()
    positional: tuple[str, ...] = ()
    """arguments that may be given without their name, in order"""
    options: tuple[str, ...] = ()
    """further arguments, `name=value` or `--name value`"""
    required: int = 0
    """so many of the positional ones must be there"""

    @property
    def usage(self) -> str:
        """`job ID`, `jobs [QUEUE] [status=…]`."""
        words = [name.upper() if at < self.required else f"[{name.upper()}]" for at, name in enumerate(self.positional)]
        return " ".join([self.name, *words, *(f"[{name}=…]" for name in self.options)])


_HERE = "cyclone_tui.screens."
PLACES = (
    Place("home", "the host at a glance", _HERE + "home:HomeView", ("h", "overview")),
    Place(
        "jobs", "jobs as they change", _HERE + "jobs:JobsView", ("j", "q", "queue"), ("queue",),
        ("status", "name", "user", "definition", "filter", "sort", "rows"),
    ),
    Place("job", "one job or task: state, attempts, output, metrics", _HERE + "job:JobView", (), ("id",), (), 1),
    Place("log", "output of a job or task as it is written", _HERE + "log:LogView", ("logs",), ("id",), (), 1),
    Place(
        "submit", "submit a script", _HERE + "submit:SubmitView", ("s", "qsub"), ("script",), ("queue", "definition", "name"),
    ),
    Place("hosts", "hosts, their health, the selected one", _HERE + "hosts:HostsView", ("host",)),
    Place("regions", "regions of the host", _HERE + "resources:RegionsView", ("region", "r")),
    Place("clusters", "clusters", _HERE + "resources:ClustersView", ("cluster", "c")),
    Place("queues", "queues", _HERE + "resources:QueuesView", ("qs",)),
    Place("images", "container images", _HERE + "resources:ImagesView", ("image", "i")),
    Place("definitions", "job definitions", _HERE + "resources:DefinitionsView", ("definition", "d", "defs")),
    Place("describe", "everything about one resource", _HERE + "resource:ResourceView", (), ("kind", "name"), (), 2),
    Place("workers", "workers and what they run", _HERE + "workers:WorkersView", ("w", "worker"), ("cluster",), ("region",)),
    Place("weights", "how a queue shares its work over regions, on a map", _HERE + "weights:WeightsView", ("weight", "map"), ("queue",)),
    Place("drift", "what somebody changed beside Cyclone", _HERE + "drift:DriftView", (), ("kind", "name")),
    Place("usage", "what work used and cost", _HERE + "usage:UsageView", ("u", "cost", "costs"), ("by",), ("days", "job", "queue", "user")),
    Place("deployments", "deployments, running and past", _HERE + "deployments:DeploymentsView", ("dep",)),
    Place("deployment", "one deployment, live", _HERE + "deployment:DeploymentView", (), ("number",), (), 1),
    Place("events", "what happened to the host and its resources", _HERE + "events:EventsView", ("e", "event")),
    Place("new", "create a host, region, cluster, queue, image or definition", _HERE + "wizard:WizardView", ("add", "create"),
          ("kind", "name"), ("type", "from"), 1),
    Place("edit", "change a resource", _HERE + "wizard:EditView", ("update",), ("kind", "name"), (), 2),
    Place("settings", "theme, refresh, keys", _HERE + "settings:SettingsView", ("set",)),
    Place("welcome", "the first steps", _HERE + "welcome:WelcomeView"),
    Place("help", "keys and commands", _HERE + "help:HelpView", ("?",), ("view",)),
)  # fmt: skip


def names() -> list[str]:
    """Every name and alias."""
    return [word for place in PLACES for word in (place.name, *place.aliases)]


def find(word: str) -> Place:
    """The place of a name or alias. Raises UsageError with the nearest name."""
    for place in PLACES:
        if word in (place.name, *place.aliases):
            return place
    near = did_you_mean(word, [place.name for place in PLACES])
    raise UsageError(f"there is no view {word!r}{near or '.'} Views: {', '.join(place.name for place in PLACES)}")


def parse(text: str | Sequence[str]) -> tuple[Place, dict[str, str]]:
    """The place and its arguments that a command names: a line (`:` mode) or words (the command line). Raises UsageError."""
    try:
        words = split(text) if isinstance(text, str) else list(text)
    except ValueError as exc:
        raise UsageError(f"{text!r} cannot be read: {exc}. Close the quotes") from exc
    if not words:
        raise UsageError("no view is named. Try home, jobs or help")
    place = find(words[0])
    return place, _arguments(place, words[1:])


def _arguments(place: Place, words: list[str]) -> dict[str, str]:
    known = (*place.positional, *place.options)
    given: dict[str, str] = {}
    bare: list[str] = []
    while words:
        word = words.pop(0)
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            name = _known(place, name, known)
            if not equals:
                if not words:
                    raise UsageError(f"--{name} needs a value. {place.usage}")
                value = words.pop(0)
            given[name] = value
        elif "=" in word and word.partition("=")[0] in known:
            name, _, value = word.partition("=")
            given[name] = value
        else:
            bare.append(word)
    free = [name for name in place.positional if name not in given]
    if len(bare) > len(free):
        raise UsageError(f"{bare[len(free)]!r} is too much for {place.name!r}. It is used as: {place.usage}")
    given.update(zip(free, bare, strict=False))
    missing = [name for name in place.positional[: place.required] if not given.get(name)]
    if missing:
        raise UsageError(f"{place.name!r} needs {' and '.join(missing)}. It is used as: {place.usage}")
    return given


def _known(place: Place, name: str, known: Sequence[str]) -> str:
    if name in known:
        return name
    near = did_you_mean(name, known)
    raise UsageError(f"{place.name!r} has no option --{name}{near or '.'} It is used as: {place.usage}")


def load(place: Place) -> Any:
    """The class of its view."""
    module, _, name = place.target.partition(":")
    return getattr(import_module(module), name)


def make(place: Place, arguments: dict[str, str]) -> Any:
    """The view itself."""
    return load(place)(arguments)
