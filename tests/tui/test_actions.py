"""Every action of the full-screen interface: unique, keyed without what terminals swallow, and with a command line that does the same."""

from collections import Counter
from importlib import import_module
from shlex import split

import click
import pytest

from cyclone_tui import navigation
from cyclone_tui.actions import Action, of_class
from cyclone_tui.application import CycloneApp
from cyclone_tui.cli import hyper, qdel, qlog, qstat, qsub
from cyclone_tui.screens.base import View

VIEWS: dict[str, type[View]] = {
    place.name: getattr(import_module(place.target.partition(":")[0]), place.target.partition(":")[2]) for place in navigation.PLACES
}
ACTIONS = sorted(
    {(name, action) for name, view in VIEWS.items() for action in of_class(view)} | {("app", action) for action in CycloneApp.ACTIONS},
    key=lambda pair: (pair[0], pair[1].id),
)
TABLES = {"qsub": qsub.TABLE, "qstat": qstat.TABLE, "qlog": qlog.TABLE, "qdel": qdel.TABLE}
SWALLOWED = ("ctrl+s", "ctrl+b", "ctrl+a")
"""Keys that a terminal, screen or tmux keeps for itself."""


def ids(pair: tuple[str, Action]) -> str:
    """`jobs:jobs.cancel`."""
    return f"{pair[0]}:{pair[1].id}"


@pytest.mark.parametrize("pair", ACTIONS, ids=ids)
def test_has_a_method_and_a_key(pair: tuple[str, Action]) -> None:
    """What a key names is there, and the key arrives on every terminal."""
    name, action = pair
    owner = CycloneApp if name == "app" or action.action.startswith("app.") else VIEWS[name]
    assert hasattr(owner, f"action_{action.method}"), f"{owner.__name__} has no action_{action.method}"
    for key in action.key.split(","):
        assert key.strip() not in SWALLOWED
        assert "ctrl+shift" not in key


@pytest.mark.parametrize("pair", [pair for pair in ACTIONS if not pair[1].looks], ids=ids)
def test_has_a_twin(pair: tuple[str, Action]) -> None:
    """The command line that does the same exists: its command, and each of its options."""
    words = split(pair[1].twin.replace("'", "").replace('"', "")) if "…" not in pair[1].twin else pair[1].twin.split()
    assert words, f"{pair[1].id} names no command line"
    if words[0] == "hyper":
        check_hyper(words[1:])
    elif words[0] in TABLES:
        known = {name for option in TABLES[words[0]] for name in option.names}
        unknown = [word for word in words[1:] if word.startswith("-") and word != "-" and word.partition("=")[0] not in known]
        assert not unknown, f"{words[0]} has no {unknown}"
    else:
        assert words[0] in ("cyclone", "$EDITOR", "cat", "less", "cp"), words


def check_hyper(words: list[str]) -> None:
    """`hyper GROUP COMMAND --option …` with everything existing."""
    context = click.Context(hyper.command)
    if words[0].isupper():  # KINDs stands for any group
        return
    found = hyper.command.get_command(context, words[0])
    assert found is not None, f"hyper has no group {words[0]}"
    if len(words) < 2 or words[1] == "…":
        return
    command = found.get_command(context, words[1]) if isinstance(found, click.Group) else found
    assert command is not None, f"hyper {words[0]} has no command {words[1]}"
    known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    unknown = [word for word in words[1:] if word.startswith("-") and word.partition("=")[0] not in known]
    assert not unknown, f"hyper {words[0]} {words[1]} has no {unknown}"


@pytest.mark.parametrize("name", sorted(VIEWS))
def test_ids_and_keys_of_a_view_are_unique(name: str) -> None:
    """One key does one thing on a view, and an id names one action."""
    actions = [*of_class(VIEWS[name]), *CycloneApp.ACTIONS]
    doubled = [one for one, times in Counter(action.id for action in actions).items() if times > 1]
    assert not doubled
    keys = Counter(key.strip() for action in actions for key in action.key.split(","))
    assert not [key for key, times in keys.items() if times > 1]


def test_names_of_views_are_unique() -> None:
    """No name or alias leads to two places."""
    assert not [name for name, times in Counter(navigation.names()).items() if times > 1]


@pytest.mark.parametrize("pair", ACTIONS, ids=ids)
def test_danger_is_a_change(pair: tuple[str, Action]) -> None:
    """What asks before it acts is also gone in read-only mode."""
    assert pair[1].writes or not pair[1].danger
