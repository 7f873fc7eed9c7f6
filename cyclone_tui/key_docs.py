"""docs/keys.md, made from the tables that bind the keys: `python -m cyclone_tui.key_docs > docs/keys.md`. A test compares."""

from collections.abc import Iterable

from cyclone_tui import navigation
from cyclone_tui.actions import Action, of_class
from cyclone_tui.application import CycloneApp
from cyclone_tui.screens.base import View
from cyclone_tui.screens.help import TABLE_KEYS, key_text

_HEADING = """# Keys of `cyclone`

Generated from the code (`python -m cyclone_tui.key_docs`). `?` shows the keys of the view one is in. Each action's name is what the
settings call it (`keys` in `cyclone.yaml`); the last column is the command line that does the same.
"""


def text() -> str:
    """The whole page."""
    parts = [_HEADING, "## Everywhere\n", table([*CycloneApp.ACTIONS, *View.ACTIONS])]
    parts += [
        "## In tables\n",
        "| key | what it does |\n|---|---|\n" + "".join(f"| {_cell(key)} | {what} |\n" for key, what, _ in TABLE_KEYS),
    ]
    common = {action.id for action in View.ACTIONS}
    for place in navigation.PLACES:
        actions = [action for action in of_class(navigation.load(place)) if action.id not in common]
        if actions:
            parts += [f"## {place.name}\n", f"{place.help.capitalize()}: `:{place.usage}`\n", table(actions)]
    return "\n".join(parts)


def table(actions: Iterable[Action]) -> str:
    """Key, name, what it does, its command line."""
    rows = [
        f"| {_cell(key_text(one.key))} | `{one.id}` | {one.help or one.label} | {f'`{one.twin}`' if one.twin else ''} |" for one in actions
    ]
    return "\n".join(["| key | action | what it does | command line |", "|---|---|---|---|", *rows, ""])


def _cell(keys: str) -> str:
    return " ".join(f"`{key}`" for key in keys.split()).replace("|", "\\|")


if __name__ == "__main__":
    print(text(), end="")  # noqa: T201 - a program that prints a page
