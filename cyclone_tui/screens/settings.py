"""Settings: each one a row with what it does and its value; a change holds at once and is kept in the user's file."""

from dataclasses import dataclass
from typing import Any

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from cyclone_core.errors import InvalidRequest
from cyclone_core.operations.queries import HostView
from cyclone_tui import settings as files
from cyclone_tui.actions import Action, bound
from cyclone_tui.screens.base import View, background
from cyclone_tui.screens.modals import Choose
from cyclone_tui.settings import Settings
from cyclone_tui.widgets.row_table import Column, RowTable


@dataclass(frozen=True)
class Row:
    """One setting."""

    name: str
    value: str
    default: str
    help: str


def rows(settings: Settings) -> tuple[Row, ...]:
    """All of them, in the order of their declaration."""
    return tuple(Row(one.name, files.show(getattr(settings, one.name)), files.show(one.default), one.help) for one in files.described())


COLUMNS: tuple[Column[Row], ...] = (
    Column("name", "Setting", lambda row: row.name, 10),
    Column("value", "Value", lambda row: row.value, 22, style=lambda row: "" if row.value == row.default else "running"),
    Column("default", "Default", lambda row: row.default, 14, style=lambda row: "muted", priority=1),
    Column("help", "What it does", lambda row: row.help, style=lambda row: "muted", least=40),
)


class SettingsView(View):
    """See the module."""

    NAME = "settings"
    LIVE = False
    ACTIONS = (
        Action("settings.change", "e", "change", "Change", "set another value (Enter does it too)", twin="$EDITOR cyclone.yaml"),
        Action("settings.reset", "backspace", "reset", "Default", "back to the default", twin="$EDITOR cyclone.yaml"),
    )
    BINDINGS = bound(ACTIONS)
    DEFAULT_CSS = """
    SettingsView RowTable { height: 1fr; }
    SettingsView #about { height: auto; max-height: 3; padding: 0 1; color: $muted; background: $surface; }
    """

    def body(self) -> ComposeResult:
        """A table, and below it all that is said of the setting under the cursor."""
        yield RowTable(COLUMNS, marks=False)
        yield Static("", id="about")

    def twin(self) -> str:
        """The file that the settings are in."""
        return f"$EDITOR {files.path()}"

    def load(self, host: HostView) -> tuple[Row, ...]:
        """The settings of this sitting."""
        return rows(self.session.settings)

    def show(self, data: tuple[Row, ...]) -> None:
        """Fill the table."""
        self.query_one(RowTable).set_rows(data, key=lambda row: row.name)

    def on_row_table_highlighted(self, event: RowTable.Highlighted) -> None:
        """Another setting: what it does."""
        row: Row | None = event.record
        self.query_one("#about", Static).update(Content(f"{row.help}. Default: {row.default}" if row is not None else ""))

    def on_row_table_opened(self, event: RowTable.Opened) -> None:
        """Enter."""
        self.action_change()

    @background
    async def action_change(self) -> None:
        """Ask for another value of the current setting."""
        row = self.query_one(RowTable).current
        if row is None:
            return
        one = next(one for one in files.described() if one.name == row.name)
        choices = sorted(self.app.available_themes, key=_ours_first) if one.name == "theme" else one.choices
        if choices:
            value: Any = await self.app.push_screen_wait(Choose(one.help, [(name, name) for name in choices], row.value))
        else:
            value = await self.ask(one.help, "" if row.value == "none" else row.value)
        if value is not None:
            self._set(row.name, value)

    def action_reset(self) -> None:
        """Back to the default."""
        row = self.query_one(RowTable).current
        if row is not None:
            self._set(row.name, None)

    def _set(self, name: str, value: object) -> None:
        try:
            changed = files.read({**vars(self.session.settings), name: value})
        except InvalidRequest as exc:
            self.cyclone.tell_error(exc)
            return
        self.cyclone.change_settings(changed)
        self.refresh_data()
        self.run_worker(self.attempt(lambda host: files.save(changed), done=lambda path: f"kept in {path}"))


def _ours_first(name: str) -> tuple[bool, str]:
    return not name.startswith("cyclone"), name
