"""Help: the keys of a view, the keys that hold everywhere, and all commands; made from the same tables that bind them."""

from collections.abc import Iterable, Mapping

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from cyclone_core.errors import UsageError
from cyclone_tui import navigation
from cyclone_tui.actions import Action, of_class
from cyclone_tui.screens.base import View

_KEYS = {
    "question_mark": "?", "colon": ":", "slash": "/", "space": "Space", "enter": "Enter", "escape": "Esc", "tab": "Tab",
    "shift+tab": "Shift+Tab", "backspace": "⌫", "delete": "Del", "pagedown": "PgDn", "pageup": "PgUp", "asterisk": "*",
    "left_square_bracket": "[", "right_square_bracket": "]", "full_stop": ".", "comma": ",", "plus": "+", "minus": "-",
    "exclamation_mark": "!", "equals_sign": "=", "less_than_sign": "<", "greater_than_sign": ">", "up": "↑", "down": "↓",
    **{f"f{number}": f"F{number}" for number in range(1, 13)},
}  # fmt: skip


def key_text(key: str) -> str:
    """`ctrl+p,question_mark` as people read it: `^p ?`."""
    words = []
    for one in key.split(","):
        ctrl, _, rest = one.strip().rpartition("ctrl+")
        words.append(("^" if "ctrl+" in one else "") + ctrl + _KEYS.get(rest, rest))
    return " ".join(words)


def rows(actions: Iterable[Action], keys: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """(keys, what it does, the command line that does the same) of each action; `keys`: the user's own by action."""
    return [(key_text(keys.get(one.id, one.key)), one.help or one.label, one.twin) for one in actions]


_TEXT = 44
"""Cells behind which command lines stand below each other, where the text before them is no longer."""


class HelpView(View):
    """See the module. Argument `view`: whose keys come first."""

    NAME = "help"
    LIVE = False
    AUTO_FOCUS = "VerticalScroll"
    DEFAULT_CSS = """
    HelpView VerticalScroll { padding: 0 2; }
    HelpView Static { height: auto; }
    """

    def body(self) -> ComposeResult:
        """One long text."""
        with VerticalScroll():
            yield Static(self._text())

    def twin(self) -> str:
        """What prints the same on a plain terminal."""
        return "cyclone --help"

    def _text(self) -> Content:
        keys = self.session.settings.keys
        parts: list[tuple[str, str] | str] = []
        name = self.arguments.get("view", "")
        if name and name != self.NAME:
            parts += _section(f"Keys of {name}", rows(_actions_of(name), keys))
        parts += _section("Keys everywhere", rows(type(self.cyclone).ACTIONS, keys))
        parts += _section("In tables", TABLE_KEYS)
        parts += _section(
            "Commands  (:name, or cyclone NAME from the shell)", [(place.usage, place.help, "") for place in navigation.PLACES]
        )
        parts += [
            "\nKeys can be changed in cyclone.yaml (:settings shows where), by the name of the action, such as jobs.cancel: ctrl+k.\n"
        ]
        return Content.assemble(*parts)


TABLE_KEYS = [
    ("j k ↓ ↑", "one row down, up", ""),
    ("g G Home End", "first, last row", ""),
    ("PgDn PgUp", "a page down, up", ""),
    ("Space", "mark the row for an action on several", ""),
    ("Enter", "open it", ""),
    ("/", "filter: words, column:value, /regex/, !not", ""),
]


def _actions_of(name: str) -> tuple[Action, ...]:
    try:
        return of_class(navigation.load(navigation.find(name)))
    except UsageError:
        return ()


def _section(title: str, lines: Iterable[tuple[str, str, str]]) -> list[tuple[str, str] | str]:
    lines = list(lines)
    width = min(30, max((len(key) for key, _, _ in lines), default=0))
    text_width = min(_TEXT, max((len(text) for _, text, twin in lines if twin), default=0))
    parts: list[tuple[str, str] | str] = [(f"\n{title}\n", "bold $primary")]
    for key, text, twin in lines:
        pad = f"\n  {'':<{width}}" if len(key) > width else ""
        parts += ["  ", (f"{key:<{width}}", "bold $accent"), f"{pad}  {text}"]
        if twin:
            parts.append((f"{'':<{max(0, text_width - len(text))}}   $ {twin}", "$muted"))
        parts.append("\n")
    return parts
