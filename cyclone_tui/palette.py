"""What the command palette offers: every view, every wizard, every action of the view below, every theme of ours."""

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from textual.app import SystemCommand
from textual.screen import Screen

from cyclone_tui import navigation, themes

if TYPE_CHECKING:
    from cyclone_tui.application import CycloneApp

KINDS = ("host", "region", "cluster", "queue", "image", "definition")
"""What wizards make."""


def commands(app: "CycloneApp", screen: Screen[Any]) -> Iterator[SystemCommand]:
    """Title, help and what to do."""
    for place in navigation.PLACES:
        if not place.required:
            yield SystemCommand(f"Go to {place.name}", place.help, partial(app.open, place.name))
    for kind in KINDS:
        yield SystemCommand(f"New {kind}", f"create a {kind} with the wizard", partial(app.open, f"new {kind}"))
    for active in screen.active_bindings.values():
        binding = active.binding
        if binding.id and active.enabled:
            text = f"{binding.tooltip} (key {app.get_key_display(binding)})"
            yield SystemCommand(binding.description, text, partial(app.run_action, binding.action, active.node))
    for theme in themes.THEMES:
        yield SystemCommand(f"Theme {theme.name}", "for this sitting", partial(setattr, app, "theme", theme.name))


def completions() -> Iterator[str]:
    """What a command can begin with, for the `:` line."""
    for place in navigation.PLACES:
        yield place.name
        for option in place.options:
            yield f"{place.name} {option}="
    for kind in KINDS:
        yield f"new {kind}"
