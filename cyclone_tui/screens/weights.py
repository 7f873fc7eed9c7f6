"""How a queue shares its work over regions: the world with a disc at each, their weights and what those follow from, and how they changed.

`:weights [QUEUE]`. The map takes the room that the table leaves, and none where that is too little; beside it, or instead of it, stands the
history.
"""

from shlex import quote
from textwrap import wrap
from typing import Any

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.events import Resize
from textual.widgets import Static

from cyclone_core.operations.queries import HostView
from cyclone_core.operations.weights import QueueWeights, RegionWeight, weights_view
from cyclone_tui import weights_looks as looks
from cyclone_tui import world
from cyclone_tui.actions import Action, bound
from cyclone_tui.screens.base import background
from cyclone_tui.screens.filtered import FilteredView
from cyclone_tui.screens.modals import Choose
from cyclone_tui.widgets.filter_line import FilterLine
from cyclone_tui.widgets.row_table import RowTable
from cyclone_tui.widgets.table_columns import Part
from cyclone_tui.widgets.world_map import WorldMap

LEAST_MAP, LEAST_SIDE, LEAST_ROWS = 9, 34, 4
"""Rows of a map, cells of the history beside it, rows of the table below a map that was asked for."""
MOST_NOTES = 3
TALL = 30
"""Rows from which on the map has its place however many regions there are."""
_FRAME = 3
"""Rows of header, command and keys."""
_STYLES = {"number": "bold $foreground", "muted": "$muted", "": ""}


class WeightsView(FilteredView):
    """See the module."""

    NAME = "weights"
    FAR = True
    ACTIONS = (
        Action("weights.queue", "c", "queue", "Queue", "show another queue", twin="hyper queues weights --name NAME"),
        Action("weights.map", "m", "map", "Map", "show or hide the map", looks=True),
        Action("weights.history", "h", "history", "History", "how the weights changed, and why", twin="hyper queues weights --history"),
        Action("weights.describe", "d", "describe", "Describe", "the queue", twin="hyper queues list-queues --name NAME", show=False),
        Action(
            "weights.edit", "e", "edit", "Edit", "change the queue's weights", twin="hyper queues update-queue --name NAME", writes=True
        ),
        Action("weights.yaml", "y", "yaml", "YAML", "copy as YAML", twin="hyper queues weights --json", show=False),
    )
    BINDINGS = bound(ACTIONS)
    FILTERED = looks.FILTERED
    DEFAULT_CSS = """
    WeightsView #head { height: 1; padding: 0 1; background: $surface; }
    WeightsView #upper { height: auto; display: none; }
    WeightsView #map { width: 1fr; height: 100%; }
    WeightsView #history { width: 1fr; height: 100%; padding: 0 1; border-left: solid $panel; }
    WeightsView #rows { height: 1fr; }
    WeightsView #about { height: 2; padding: 0 1; color: $muted; background: $surface; }
    WeightsView #notes { height: auto; max-height: 3; padding: 0 1; color: $warning; }
    """

    def __init__(self, arguments: Any = None) -> None:
        super().__init__(arguments)
        self.queue = self.arguments.get("queue") or ""
        self._queues: tuple[str, ...] = ()
        self._wants_map: bool | None = None
        self._wants_history: bool | None = None
        self._told: dict[str, object] = {}

    def crumb(self) -> str:
        """With the queue."""
        return " ".join(filter(None, ["weights", self.queue, self.filter_text and f"/{self.filter_text}"]))

    def twin(self) -> str:
        """What prints the same."""
        return "hyper queues weights" + (f" --name {quote(self.queue)}" if self.queue else "")

    def body(self) -> ComposeResult:
        """Whose weights, map and history, the regions, the one under the cursor, what is missing."""
        ascii = self.session.settings.ascii
        yield Static("", id="head")
        with Horizontal(id="upper"):
            yield WorldMap(ascii, id="map")
            yield Static("", id="history")
        yield FilterLine()
        yield RowTable[RegionWeight](id="rows", ascii=ascii, marks=False, empty="")
        yield Static("", id="about")
        yield Static("", id="notes")

    # -- reading and showing -----------------------------------------------------------------------------------------
    def load(self, host: HostView) -> tuple[tuple[str, ...], QueueWeights | None]:
        """Names of the queues, and the one that is shown: the one that was asked for, else the first."""
        found = weights_view(host, self.queue or None)
        if self.queue:
            return self._queues or tuple(each.queue for each in found), found[0]
        first = next((each for each in found if each.automatic), found[0] if found else None)
        return tuple(each.queue for each in found), first

    def show(self, data: tuple[tuple[str, ...], QueueWeights | None]) -> None:
        """Show it."""
        self._queues, found = data
        if found is None:
            self.table.empty = "No queue yet, so there is nothing to weigh. :new queue makes one"
            self.table.set_rows((), lambda each: each.region)
            return
        self.queue = found.queue
        self.table.set_columns(looks.columns(found, self.session.settings.ascii))
        self.show_rows()
        self.query_one(WorldMap).set_spots(looks.spots(found))
        self._tell("head", _content(looks.heading(found)))
        self._tell("notes", Content("\n".join(looks.notes(found))))
        lines = [_content(line) for line in looks.changes(found)]
        self._tell("history", Content("\n").join(lines) if lines else Content.styled("the weights have not changed yet", "$muted"))
        self._share_room()
        self._explain()

    @property
    def found(self) -> QueueWeights | None:
        """What is shown."""
        return self._data[1] if self.has_data else None

    def show_rows(self) -> None:
        """The regions that fit."""
        found = self.found
        if found is not None:
            nowhere = "No machine has joined yet" if found.joins else "The host has no region yet: :new region"
            self.table.empty = "Nothing fits. Esc takes the filter away" if found.regions else nowhere
            rows = [each for each in found.regions if self.fits(looks.cells(each))]
            self.table.set_rows(sorted(rows, key=lambda each: -each.share), lambda each: each.region)

    def _tell(self, name: str, text: Content) -> None:
        if self._told.get(name) != text:  # what is written again is sent again
            self._told[name] = text
            line = self.query_one(f"#{name}", Static)
            line.update(text)
            line.display = bool(text.plain)

    def on_row_table_highlighted(self, event: RowTable.Highlighted) -> None:
        """Another region."""
        self._explain()

    def _explain(self) -> None:
        each = self.table.current
        self._tell("about", Content(looks.about(each) if each is not None and self.session.is_aws else ""))

    # -- room --------------------------------------------------------------------------------------------------------
    def on_resize(self, event: Resize) -> None:
        """There is other room for the map."""
        self._share_room()

    def _share_room(self) -> None:
        """The table gets what it needs, the map what is left; it is never squeezed until nothing can be seen."""
        found = self.found
        if found is None:
            return
        width, height = self.app.size.width, self.app.size.height - _FRAME - 1
        below = 3 + min(
            MOST_NOTES, sum(len(wrap(note, width - 2)) for note in looks.notes(found))
        )  # heading of the table, two lines, notes
        needed = len(found.regions) if height < TALL else min(len(found.regions), height // 3)
        room = height - below - max(LEAST_ROWS, needed)
        is_there = any(world.at(each.region, 1, 1) for each in found.regions)
        wants_map = is_there and (self._wants_map if self._wants_map is not None else room >= LEAST_MAP)
        if wants_map and room < LEAST_MAP:
            room = height - below - LEAST_ROWS
        rows = min(room, world.height_of(width))
        aside = min(rows, int((width - max(LEAST_SIDE, width // 4)) / world.ASPECT))
        has_room = aside >= LEAST_MAP
        history = self._wants_history if self._wants_history is not None else wants_map and has_room and bool(found.history)
        if history and not has_room:
            self._lay_out(False, True, max(3, min(max(room, LEAST_ROWS), height // 2)))
        else:
            self._lay_out(wants_map, history, aside if history else rows)

    def _lay_out(self, with_map: bool, with_history: bool, rows: int) -> None:
        upper, shown, history = self.query_one("#upper"), self.query_one(WorldMap), self.query_one("#history")
        for widget, wanted in ((shown, with_map), (history, with_history), (upper, with_map or with_history)):
            if widget.display != wanted:
                widget.display = wanted
        if upper.styles.height is None or upper.styles.height.value != rows:
            upper.styles.height = rows
        width: int | str = world.width_of(rows) if with_map and with_history else "1fr"
        if self._told.get("width") != width:
            self._told["width"] = width
            shown.styles.width = width

    # -- actions -----------------------------------------------------------------------------------------------------
    def action_map(self) -> None:
        """Show or hide the map."""
        self._wants_map = not self.query_one(WorldMap).display
        self._wants_history = None if self._wants_map else self._wants_history
        self._share_room()

    def action_history(self) -> None:
        """Show or hide the history; where there is little room it takes the map's."""
        self._wants_history = not self.query_one("#history").display
        self._share_room()

    @background(exclusive=True)
    async def action_queue(self) -> None:
        """Choose the queue."""
        names = await self.call(lambda host: host.reader.resource_names("queue"))
        found = await self.app.push_screen_wait(Choose("Weights of which queue?", [(name, name) for name in names], self.queue))
        if found:
            self.queue = found
            self.update_frame()
            self.refresh_data()

    def action_describe(self) -> None:
        """The queue."""
        if self.queue:
            self.cyclone.open(f"describe queue {quote(self.queue)}")

    def action_edit(self) -> None:
        """The queue's wizard."""
        if self.queue:
            self.cyclone.open(f"edit queue {quote(self.queue)}")

    def action_yaml(self) -> None:
        """Everything about the queue."""
        from cyclone_tui.cli.groups.weights import record

        if self.found is not None:
            self.copy_yaml(record(self.found), f"weights of {self.queue}")

    def on_row_table_opened(self, event: RowTable.Opened) -> None:
        """The region; of machines that joined the workers there."""
        each = event.record
        self.cyclone.open(f"workers region={quote(each.region)}" if each.joined else f"describe region {quote(each.region)}")


def _content(parts: tuple[Part, ...]) -> Content:
    return Content.assemble(*[(text, _STYLES[style]) for text, style in parts])
