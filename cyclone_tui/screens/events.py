"""What happened to the host and its resources, newest first; older ones are read as the cursor comes near the end."""

from collections.abc import Mapping
from dataclasses import dataclass

from textual.app import ComposeResult

from cyclone_core.operations import monitoring
from cyclone_core.operations.monitoring import EventView
from cyclone_core.operations.queries import HostView
from cyclone_tui import formatters
from cyclone_tui import monitoring_formats as formats
from cyclone_tui.actions import Action, bound
from cyclone_tui.screens.base import View, background
from cyclone_tui.widgets.row_table import Column, ListRows, RowTable

PAGE = 500
"""Events that are read at first, and each time that more are needed."""
_NEAR = 50


@dataclass(frozen=True)
class Shown:
    """What is in the table."""

    events: tuple[EventView, ...]
    filter: str


class EventsView(View):
    """`:events`."""

    NAME = "events"
    ACTIONS = (
        Action("events.filter", "slash", "filter", "Filter", "show events with these words only", looks=True, display="/"),
        Action("events.warnings", "w", "warnings", "Warnings", "show warnings only, or all again", looks=True),
        Action("events.copy", "y", "copy", "Copy", "copy the event as YAML", looks=True, show=False),
    )
    BINDINGS = bound(ACTIONS)

    def __init__(self, arguments: Mapping[str, str] | None = None) -> None:
        super().__init__(arguments)
        self.filter = ""
        self.only_warnings = False
        self._limit = PAGE
        self._read: tuple[EventView, ...] = ()

    def crumb(self) -> str:
        """With the filter."""
        words = [*(["warnings"] if self.only_warnings else []), *([f"/{self.filter}"] if self.filter else [])]
        return " ".join(["events", *words])

    def twin(self) -> str:
        """The list."""
        return f"hyper events list-events --limit {self._limit}"

    def body(self) -> ComposeResult:
        """The table."""
        ascii = self.session.settings.ascii
        yield RowTable(
            event_columns(ascii), ascii=ascii, marks=False, empty="Nothing happened yet, or nothing that the filter lets through"
        )

    def load(self, host: HostView) -> Shown:
        """The newest ones; the same value as before while nothing happened."""
        newest = monitoring.events(host, limit=1)
        if not self._read or newest[:1] != self._read[:1] or len(self._read) < self._limit:
            self._read = monitoring.events(host, limit=self._limit)
        region, words = self.session.region, self.filter.casefold().split()
        found = tuple(
            event
            for event in self._read
            if region in (None, event.region) and not (self.only_warnings and event.level == "info") and matches(event, words)
        )
        return Shown(found, self.crumb())

    def show(self, data: Shown) -> None:
        """An untouched cursor stays on the newest."""
        self.table.set_source(ListRows[EventView](data.events, lambda event: event.id), follow_top=True, keep=True)

    @property
    def table(self) -> RowTable[EventView]:
        """The table."""
        return self.query_one(RowTable)

    def on_row_table_highlighted(self, event: RowTable.Highlighted) -> None:
        """Near the end: read more."""
        if self.table.cursor_row > self.table.row_count - _NEAR and len(self._read) >= self._limit:
            self._limit += PAGE
            self.refresh_data()

    def on_row_table_opened(self, event: RowTable.Opened) -> None:
        """What it happened to."""
        self.cyclone.open(formats.place_of((event.record.kind, event.record.name)))

    @background(exclusive=True)
    async def action_filter(self) -> None:
        """Ask for the words."""
        found = await self.ask("Show events with which words?", self.filter, "All of them must be there. Empty: every event")
        if found is not None:
            self.filter = found.strip()
            self._filtered()

    def action_warnings(self) -> None:
        """Only what somebody should know, or all."""
        self.only_warnings = not self.only_warnings
        self._filtered()

    def action_copy(self) -> None:
        """The event under the cursor."""
        event = self.table.current
        if event is not None:
            told = {"id": event.id, "at": formatters.moment(event.at), "region": event.region, "kind": event.kind, "name": event.name,
                    "level": event.level, "text": event.text}  # fmt: skip
            self.copy_yaml(told, f"event {event.id}")

    def action_back(self) -> None:
        """Without filters first."""
        if self.filter or self.only_warnings:
            self.filter, self.only_warnings = "", False
            self._filtered()
        else:
            super().action_back()

    def _filtered(self) -> None:
        self.update_frame()
        self.refresh_data()


def matches(event: EventView, words: list[str]) -> bool:
    """Whether all words are somewhere in it. words: in lower case."""
    text = f"{event.region} {event.kind} {event.name} {event.text}".casefold()
    return all(word in text for word in words)


def event_columns(ascii: bool) -> tuple[Column[EventView], ...]:
    """When, of what, what."""

    def style(event: EventView) -> str:
        return "cancelled" if event.level == "warning" else ""

    return (
        Column("at", "Time", lambda event: formatters.moment(event.at), 11, style=lambda event: "muted"),
        Column("level", "", lambda event: formats.event_sign(event, ascii), 1, style=style),
        Column("region", "Region", lambda event: event.region, 14, style=lambda event: "muted", priority=1),
        Column("kind", "Kind", lambda event: event.kind, 11),
        Column("name", "Name", lambda event: event.name, 16, style=lambda event: "title"),
        Column("text", "Event", lambda event: event.text, style=style, least=34),
    )
