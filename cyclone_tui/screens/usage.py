"""What work used and cost: vCPU hours and dollars by queue, user, job, region, day, instance type or purchase, over some days.

`:usage user days=30`. Reading it may take a while (an AWS host's days are queries, a local host's are in its results), so it is read
seldom: at once when something else is asked for, and then so that reading takes a twentieth of the time at most.
"""

import json
import time
from shlex import quote
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from cyclone_core.operations.queries import HostView
from cyclone_core.operations.usage import BY, Ask, Row, Usage, as_csv, ask, of
from cyclone_tui import usage_columns as looks
from cyclone_tui.actions import Action, bound
from cyclone_tui.screens.base import background
from cyclone_tui.screens.filtered import FilteredView
from cyclone_tui.screens.modals import Choose
from cyclone_tui.widgets.filter_line import FilterLine
from cyclone_tui.widgets.pane_tabs import PaneTabs
from cyclone_tui.widgets.row_table import RowTable

PERIODS = (("1", "today"), ("7", "7 days"), ("30", "30 days"), ("90", "90 days"), ("365", "a year"))
MOST_JOBS = 200
"""Jobs that are shown apart."""
LEAST_PAUSE_S, PAUSE_OF_COST = 10.0, 20.0
_STYLES = {"number": "bold $foreground", "muted": "$muted", "": ""}


class UsageView(FilteredView):
    """See the module."""

    NAME = "usage"
    FAR = True
    ACTIONS = (
        Action("usage.next", "tab", "next_by", "By", "count it by the next", twin="hyper usage --by user"),
        Action("usage.queues", "1", "by(1)", "Queues", "by queue", twin="hyper usage --by queue", show=False),
        Action("usage.users", "2", "by(2)", "Users", "by user", twin="hyper usage --by user", show=False),
        Action("usage.jobs", "3", "by(3)", "Jobs", "by job", twin="hyper usage --by job", show=False),
        Action("usage.regions", "4", "by(4)", "Regions", "by region", twin="hyper usage --by region", show=False),
        Action("usage.each_day", "5", "by(5)", "Days", "by day", twin="hyper usage --by day", show=False),
        Action("usage.types", "6", "by(6)", "Types", "by instance type", twin="hyper usage --by type", show=False),
        Action("usage.purchases", "7", "by(7)", "Purchases", "by spot, on demand, own machines", twin="hyper usage --by purchase",
               show=False),
        Action("usage.days", "p", "period", "Period", "of which days", twin="hyper usage --since 30d"),
        Action("usage.sort", "o", "sort", "Sort", "choose the order (or click on a heading)", looks=True),
        Action("usage.reverse", "O", "reverse", "Reverse", "the other way around", looks=True, show=False),
        Action("usage.csv", "v", "csv", "CSV", "copy as CSV, and save it", twin="hyper usage --csv"),
        Action("usage.json", "y", "json", "JSON", "copy as JSON, and save it", twin="hyper usage --json"),
    )  # fmt: skip
    BINDINGS = bound(ACTIONS)
    FILTERED = looks.FILTERED
    DEFAULT_CSS = """
    UsageView #rows { height: 1fr; }
    UsageView #total { height: 1; padding: 0 1; background: $surface; }
    UsageView #notes { height: auto; max-height: 4; padding: 0 1; color: $muted; }
    """
    ORDER: ClassVar[tuple[str, ...]] = ("queue", "user", "job", "region", "day", "type", "purchase")

    def __init__(self, arguments: Any = None) -> None:
        super().__init__(arguments)
        self.by = self.arguments.get("by") or ("region" if self.arguments.get("job") else "queue")
        self.days = self.arguments.get("days") or "7"
        self._read: tuple[Ask, float, float, Usage] | None = None
        self._anew = False

    # -- what is asked -----------------------------------------------------------------------------------------------
    def asked(self) -> Ask:
        """Raises InvalidRequest for arguments that are none."""
        job, queue, user = (self.arguments.get(name) for name in ("job", "queue", "user"))
        return ask(
            self.by,
            None if job else f"{self.days}d",
            None,
            job,
            queue,
            user,
            MOST_JOBS,
            label=lambda name: {"since": "days"}.get(name, name),
        )

    def crumb(self) -> str:
        """With what it is counted by."""
        narrowed = [f"{name}={self.arguments[name]}" for name in ("job", "queue", "user") if self.arguments.get(name)]
        return " ".join(["usage", f"by {self.by}", *narrowed, *([f"/{self.filter_text}"] if self.filter_text else [])])

    def twin(self) -> str:
        """What prints the same."""
        narrowed = "".join(f" --{name} {quote(self.arguments[name])}" for name in ("job", "queue", "user") if self.arguments.get(name))
        since = "" if self.arguments.get("job") else f" --since {self.days}d"
        return f"hyper usage --by {self.by}{since}{narrowed}"

    def body(self) -> ComposeResult:
        """What it is counted by, the filter, the rows, the total, how to read it."""
        ascii = self.session.settings.ascii
        yield PaneTabs(id="tabs")
        yield FilterLine()
        yield RowTable[Row](id="rows", ascii=ascii, marks=False, empty="")
        yield Static("", id="total")
        yield Static("", id="notes")

    def on_mount(self) -> None:
        """The tabs are there before anything was read."""
        self._show_tabs()

    def _show_tabs(self) -> None:
        tabs = self.query_one("#tabs", PaneTabs)
        tabs.show([(name, looks.TITLES[name].removesuffix(" (UTC)")) for name in self.ORDER], self.by)

    # -- reading and showing -----------------------------------------------------------------------------------------
    def load(self, host: HostView) -> Usage:
        """What was read last, while that is young; a region of the session narrows nothing here."""
        asked, now = self.asked(), time.monotonic()
        if self._read is not None and not self._anew:
            last, at, cost, found = self._read
            if last == asked and now - at < max(LEAST_PAUSE_S, PAUSE_OF_COST * cost):
                return found
        self._anew = False
        found = of(host, asked)
        self._read = asked, time.monotonic(), time.monotonic() - now, found
        return found

    def show(self, data: Usage) -> None:
        """Rows, total, notes."""
        self.table.set_columns(looks.columns(data, self.session.settings.ascii))
        self.show_rows()
        total = Content.assemble(*[(text, _STYLES[style]) for text, style in looks.total_parts(data, self.session.settings.ascii)])
        self.query_one("#total", Static).update(total)
        self._show_notes()

    def show_rows(self) -> None:
        """The rows that fit."""
        data: Usage = self._data
        self.table.empty = "Nothing fits. Esc takes the filter away" if data.rows else self._nothing(data)
        self.table.set_rows([row for row in data.rows if self.fits(looks.cells(row))], lambda row: row.key)

    def _nothing(self, data: Usage) -> str:
        if data.ask.job:
            return f"Nothing was used by job {data.ask.job} yet: it counts once a task has ended"
        return f"Nothing was used: {looks.days(data)}. It counts once a task has ended. p chooses other days"

    def _show_notes(self) -> None:
        data: Usage = self._data
        text = looks.notes(data) if data.rows else ""
        notes = self.query_one("#notes", Static)
        if str(notes.content) != text:
            notes.update(Content(text))
            notes.display = bool(text)

    # -- actions -----------------------------------------------------------------------------------------------------
    def action_refresh_now(self) -> None:
        """Read again, however young it is."""
        self._anew = True
        super().action_refresh_now()

    def show_by(self, by: str) -> None:
        """Count by something else."""
        if by in BY and by != self.by:
            self.by = by
            self._show_tabs()
            self.update_frame()
            self.refresh_data()

    def action_by(self, number: int) -> None:
        """By the tab with this number."""
        self.show_by(self.ORDER[number - 1])

    def action_next_by(self) -> None:
        """By the next one."""
        at = self.ORDER.index(self.by) if self.by in self.ORDER else -1
        self.show_by(self.ORDER[(at + 1) % len(self.ORDER)])

    def on_pane_tabs_chosen(self, event: PaneTabs.Chosen) -> None:
        """A click on a tab."""
        self.show_by(event.name)

    @background(exclusive=True)
    async def action_period(self) -> None:
        """Choose the days; a job is told of as a whole."""
        if self.arguments.get("job"):
            self.cyclone.tell("a job is told of as a whole, whenever it ran")
            return
        found = await self.app.push_screen_wait(Choose("Usage of which days?", PERIODS, self.days))
        if found and found != self.days:
            self.days = found
            self._show_tabs()
            self.update_frame()
            self.refresh_data()

    @background(exclusive=True)
    async def action_sort(self) -> None:
        """Choose the order."""
        table = self.table
        choices = [(column.key, column.title) for column in table.columns if column.sort and column.title]
        now = table.sorted_by[0] if table.sorted_by else "hours"
        found = await self.app.push_screen_wait(Choose("Sort by", choices, now))
        if found is not None:
            table.sort_by(found)

    def action_reverse(self) -> None:
        """The same order the other way around."""
        self.table.sort_by(self.table.sorted_by[0] if self.table.sorted_by else "hours")

    def action_csv(self) -> None:
        """The table for a spreadsheet."""
        if self.has_data:
            self.cyclone.copy(as_csv(self._data), "usage as CSV")

    def action_json(self) -> None:
        """The table for a program."""
        if self.has_data:
            self.cyclone.copy(json.dumps(self._data.as_json(), indent=2) + "\n", "usage as JSON")

    def _is_site(self, row: Row) -> bool:
        """Whether it is where machines joined, and no region of the host."""
        return self.session.is_aws and row.own_vcpu_s > 0 and row.usd is None

    def on_row_table_opened(self, event: RowTable.Opened) -> None:
        """What the row is about."""
        key = quote(event.record.key)
        days = f"days={self.days}"
        place = {
            "job": f"job {key}", "queue": f"usage job queue={key} {days}", "user": f"usage job user={key} {days}",
            "region": f"workers region={key}" if self._is_site(event.record) else f"describe region {key}",
        }.get(self.by)  # fmt: skip
        if place is not None:
            self.cyclone.open(place)
        else:
            self.cyclone.tell("Enter opens the jobs of a queue or a user, a job, or a region")
