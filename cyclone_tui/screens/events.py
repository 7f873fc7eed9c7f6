"""What happened to the host and its resources, newest first; older ones are read as the cursor comes near the end."""

from dataclasses import dataclass
from typing import Any

from textual.app import ComposeResult

from cyclone_core.operations import monitoring
from cyclone_core.operations.monitoring import EventView
from cyclone_core.operations.queries import HostView
from cyclone_core.views import iso
from cyclone_tui import formatters
from cyclone_tui import monitoring_formats as formats
from cyclone_tui.actions import Action, bound
from cyclone_tui.screens.filtered import FilteredView
from cyclone_tui.widgets.filter_line import FilterLine
from cyclone_tui.widgets.row_table import Column, ListRows, RowTable

PAGE = 500
"""Events that are read at first, and each time that more are needed."""
_NEAR = 50


@dataclass(frozen=True)
class Shown:
    """What was read, and what of it is wanted."""

    events: tuple[EventView, ...] = ()
    region: str | None = None


class EventsView(FilteredView):
    """`:events`."""

    NAME = "events"
    ACTIONS = (
        Action("events.warnings", "w", "warnings", "Warnings", "show warnings only, or all again", looks=True),
        Action("events.copy", "y", "copy", "YAML", "copy the event as YAML", looks=True),
    )
    BINDINGS = bound(ACTIONS)
    FILTERED = ("region", "kind", "name", "level", "text")

    def __init__(self, arguments: Any = None) -> None:
        super().__init__(arguments)
        self.only_warnings = False
        self._limit = PAGE
        self._read: tuple[EventView, ...] = ()

    def crumb(self) -> str:
        """With what narrows it."""
        words = [*(["warnings"] if self.only_warnings else []), *([f"/{self.filter_text}"] if self.filter_text else [])]
        return " ".join(["events", *words])

    def twin(self) -> str:
        """The list."""
        return f"hyper events list-events --limit {self._limit}"

    def body(self) -> ComposeResult:
        """The table."""
        ascii = self.session.settings.ascii
        yield FilterLine()
        yield RowTable(event_columns(ascii), id="rows", ascii=ascii, marks=False, empty="")

    def load(self, host: HostView) -> Shown:
        """The newest ones; the same value as before while nothing happened."""
        newest = monitoring.events(host, limit=1)
        if not self._read or newest[:1] != self._read[:1] or len(self._read) < self._limit:
            self._read = monitoring.events(host, limit=self._limit)
        return Shown(self._read, self.session.region)

    def show(self, data: Shown) -> None:
        """Those that are wanted."""
        self.show_rows()

    def show_rows(self) -> None:
        """An untouched cursor stays on the newest."""
        warnings = self.only_warnings and not self.filter_text
        narrowed = "No warning. w shows all events" if warnings else "Nothing fits. Esc takes the filter away"
        nothing = "Nothing was seen to happen yet: it is noted while somebody looks" if self.session.is_aws else "Nothing happened yet"
        self.table.empty = narrowed if self._data.events else nothing
        found = [event for event in self._data.events if self._is_wanted(event)]
        self.table.set_source(ListRows[EventView](found, lambda event: event.id), follow_top=True, keep=True)

    def _is_wanted(self, event: EventView) -> bool:
        if (event.region and self._data.region not in (None, event.region)) or (self.only_warnings and event.level == "info"):
            return False
        return not self.fits.terms or self.fits(cells(event))

    def on_row_table_highlighted(self, event: RowTable.Highlighted) -> None:
        """Near the end: read more."""
        if self.table.cursor_row > self.table.row_count - _NEAR and len(self._read) >= self._limit:
            self._limit += PAGE
            self.update_frame()
            self.refresh_data()

    def on_row_table_opened(self, event: RowTable.Opened) -> None:
        """What it happened to."""
        self.cyclone.open(formats.place_of((event.record.kind, event.record.name)))

    def action_warnings(self) -> None:
        """Only what somebody should know, or all."""
        self.only_warnings = not self.only_warnings
        self._changed()

    def action_copy(self) -> None:
        """The event under the cursor."""
        event = self.table.current
        if event is not None:
            self.copy_yaml({"id": event.id, "at": iso(event.at), **cells(event)}, f"event {event.id}")

    def action_back(self) -> None:
        """Everything again, first."""
        if self.only_warnings and not self.filter_text:
            self.action_warnings()
        else:
            super().action_back()


def cells(event: EventView) -> dict[str, str]:
    """What a filter may ask of an event."""
    return {"region": event.region, "kind": event.kind, "name": event.name, "level": event.level, "text": event.text}


def event_columns(ascii: bool) -> tuple[Column[EventView], ...]:
    """When, of what, what."""

    def style(event: EventView) -> str:
        return "cancelled" if event.level == "warning" else ""

    return (
        Column("at", "Time", lambda event: formatters.moment(event.at), 11, style=lambda event: "muted"),
        Column("level", "", lambda event: formats.event_sign(event, ascii), 1, style=style),
        Column("region", "Region", lambda event: event.region, 14, style=lambda event: "muted", priority=1),
        Column("kind", "Kind", lambda event: event.kind, 11),
        Column(
            "name",
            "Name",
            lambda event: formatters.worker(event.name) if event.kind == "worker" else event.name,
            16,
            style=lambda event: "title",
        ),
        Column("text", "Event", lambda event: event.text, style=style, least=34),
    )
