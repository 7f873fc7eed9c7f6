"""The job table: any number of jobs or tasks, by state, filter and order, live; with everything that is done to many at once.

The rows come from a `JobBrowser`, which reads pages and makes lists in the background; this screen hands its wishes down and its news up.
"""

import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakKeyDictionary

from textual.app import ComposeResult
from textual.content import Content
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Static

from cyclone_core.errors import InvalidRequest
from cyclone_core.jobs import STATES, WAITING
from cyclone_core.operations import selection
from cyclone_core.operations.browse import NEWEST_FIRST, JobBrowser, Key, Listing, Order, Row, State, open_browser
from cyclone_core.operations.queries import HostView
from cyclone_core.problems import Problem
from cyclone_core.scheduler.filters import EVERYTHING, Filter, parse
from cyclone_core.scheduler.job_terms import ORDERS, OneOf
from cyclone_tui import formatters
from cyclone_tui.actions import Action, bound
from cyclone_tui.screens import bulk_flows, job_columns
from cyclone_tui.screens.base import View, background
from cyclone_tui.screens.column_chooser import ColumnChooser
from cyclone_tui.screens.modals import Choose
from cyclone_tui.session import Session
from cyclone_tui.widgets.filter_bar import FilterBar
from cyclone_tui.widgets.row_table import RowTable
from cyclone_tui.widgets.state_tabs import StateTabs

_LEFT: "WeakKeyDictionary[Session, Listing]" = WeakKeyDictionary()
"""The list that was looked at last, where `jobs` without arguments returns to."""
_SORTS = (
    ("I", "id"), ("N", "name"), ("Q", "queue"), ("S", "status"), ("U", "user"), ("W", "submitted"), ("B", "started"), ("E", "ended"),
    ("D", "took"), ("T", "tasks"), ("P", "done"),
)  # fmt: skip
_ASCENDING = ("name", "queue", "status", "user")
_ID_WIDTH, _TASK_ID_WIDTH = 9, 16
WHY_AGAIN_S = 10.0
"""Of a job of an AWS host it is asked so often why it waits."""
LATEST_FIRST = Order("submitted", True)
HINT_PAUSE_S = 0.2
"""Why a job waits is looked up so long after the cursor came to it."""


@dataclass(frozen=True)
class Shown:
    """What the screen shows at one instant."""

    state: State
    hint: tuple[Key | None, str] = (None, "")
    """the row it is about, and why it waits"""
    extent: str = ""
    """which jobs are missing"""


class JobsView(View):
    """`:jobs [QUEUE] [status=…] [name=…] [user=…] [definition=…] [filter=…] [sort=…] [rows=tasks]`."""

    NAME = "jobs"
    FROM_AWS = ("jobs",)
    AUTO_FOCUS = "RowTable"
    ACTIONS = (
        Action("jobs.open", "enter", "open_job", "Open", "everything about the job", twin="qstat -i ID"),
        Action("jobs.filter", "slash", "filter", "Filter", "narrow the list; the line says how", looks=True, display="/"),
        Action("jobs.logs", "l", "logs", "Log", "output of the job, as it is written", twin="qlog --follow -i ID"),
        Action("jobs.cancel", "x", "cancel", "Cancel", "cancel the marked jobs, or this one", twin="qdel ID", writes=True, danger=True),
        Action("jobs.again", "t", "again", "Retry", "run what is marked, or this one, again", twin="qsub --again ID", writes=True,
               danger=True),
        Action("jobs.submit", "s", "submit", "Submit", "submit a script to the queue shown", twin="qsub SCRIPT", writes=True),
        Action("jobs.mark", "space", "mark", "Mark", "mark the row for x and t", looks=True, show=False),
        Action("jobs.range", "v", "mark_range", "Mark to here", "mark from the last mark to this row", looks=True, show=False),
        Action("jobs.tasks", "u", "toggle_tasks", "Tasks", "a row per task, or one per job again", looks=True),
        Action("jobs.sort", "o", "sort", "Sort", "choose the order", looks=True),
        Action("jobs.columns", "c", "columns", "Columns", "choose the columns", looks=True),
        Action("jobs.describe", "d", "open_job", "Describe", "everything about the job", twin="qstat -i ID", show=False),
        Action("jobs.copy", "y", "copy_job", "YAML", "copy the job as YAML", twin="qstat -i ID --json", show=False),
        Action("jobs.cancel_all", "X", "cancel_all", "Cancel list", "cancel all that is open in this list", twin="qdel -", writes=True,
               danger=True, show=False),
        Action("jobs.next_tab", "tab", "turn(1)", "Next state", "the next tab", looks=True, show=False),
        Action("jobs.last_tab", "shift+tab", "turn(-1)", "State before", "the tab before", looks=True, show=False),
        *(
            Action(f"jobs.tab{tab + 1}", str(tab + 1), f"tab({tab})", f"Tab {name}", f"tab {name}", looks=True, show=False)
            for tab, name in enumerate(("All", *STATES))
        ),
        *(
            Action(f"jobs.sort_{column}", key, f"order('{column}')", f"Sort by {column}", f"sort by {column}; again: the other way round",
                   looks=True, show=False)
            for key, column in _SORTS
        ),
    )  # fmt: skip
    BINDINGS = bound(ACTIONS)
    DEFAULT_CSS = """
    JobsView #jobs { height: 1fr; }
    JobsView #hint { height: 1; padding: 0 1; color: $text-muted; background: $surface; text-wrap: nowrap; text-overflow: ellipsis; }
    """

    class News(Message, bubble=False):
        """The browser has something new."""

    def __init__(self, arguments: Mapping[str, str] | None = None) -> None:
        """Raises InvalidRequest for arguments that mean nothing."""
        super().__init__(arguments)
        self._asked = listing_of(self.arguments) if self.arguments else None
        self._listing = self._asked or Listing()
        self._browser: JobBrowser | None = None
        self._opened: tuple[str, tuple[int, int] | None] | None = None
        """directory and database of the browser"""
        self._shown: Listing | None = None
        self._state = State()
        self._goto: Key | None = None
        self._current: Row | None = None
        self._hint: tuple[Key | None, int, str] = (None, 0, "")
        self._asking_why, self._why_due = False, 0.0
        self._told = threading.Event()
        self._pause: Timer | None = None

    # -- what it says of itself --------------------------------------------------------------------------------------
    def crumb(self) -> str:
        """With the queue, where it shows one."""
        queues = self._listing.filter.values("queue")
        return f"jobs {','.join(queues)}" if queues else "jobs"

    def twin(self) -> str:
        """The command that lists the same."""
        return selection.listing_command(self._listing)

    def body(self) -> ComposeResult:
        """Tabs, filter, table, and a line about the row under the cursor."""
        ascii = self.session.settings.ascii
        if self._asked is None:
            self._listing = _LEFT.get(self.session, self._listing)
        if self.session.is_aws and self._listing.order == NEWEST_FIRST and "sort" not in self.arguments:
            self._listing = replace(self._listing, order=LATEST_FIRST)  # numbers are no order there
        yield StateTabs(ascii)
        yield FilterBar(self._listing.filter, self._known)
        yield RowTable[Row](empty="", ascii=ascii, id="jobs")
        yield Static("", id="hint")

    def on_mount(self) -> None:
        """The columns, before the first row."""
        self._set_columns()

    def on_unmount(self) -> None:
        """Nobody looks any more."""
        if self._browser is not None:
            self._browser.close()

    @property
    def table(self) -> "RowTable[Row]":
        """The table."""
        return self.query_one("#jobs", RowTable)

    # -- reading and showing -----------------------------------------------------------------------------------------
    def load(self, host: HostView) -> Shown:
        """Look for changes; the rows are read by the browser."""
        browser = self._browser
        opened = host.state_dir, host.database
        if browser is None or self._opened != opened:
            if browser is not None:
                browser.close()
            browser = open_browser(host)
            browser.on_news = self._tell
            browser.show(self._listing)
            self._browser, self._opened, self._shown = browser, opened, None
        state = browser.look()
        return Shown(state, self._why(host, state), self.session.extent())

    def _why(self, host: HostView, state: State) -> tuple[Key | None, str]:
        """Why the row under the cursor waits; looked up again only when something changed."""
        row = self._current
        if row is None or not row.job.counts[WAITING]:
            return None, ""
        if self._hint[:2] != (row.key, state.version):
            if self.session.is_aws:  # it takes a while: the rows do not wait for it
                self._ask_why(row, state.version)
                return row.key, self._hint[2] if self._hint[0] == row.key else ""
            self._hint = row.key, state.version, host.why_waiting(row.job) or ""
        return row.key, self._hint[2]

    def _ask_why(self, row: Row, version: int) -> None:
        """Have it found out; the same row is asked about again after a while only."""
        same = self._hint[0] == row.key
        if self._asking_why or (same and time.monotonic() < self._why_due):
            return
        self._asking_why = True

        def told(found: "Future[str | None]") -> None:
            self._asking_why, self._why_due = False, time.monotonic() + WHY_AGAIN_S
            self._hint = row.key, version, "" if found.exception() else found.result() or ""
            self._tell()

        self.session.read_far(lambda host: host.why_waiting(row.job)).add_done_callback(told)

    def _tell(self) -> None:
        """From any thread: one message for any number of news."""
        if not self._told.is_set():
            self._told.set()
            self.post_message(self.News())

    def on_jobs_view_news(self) -> None:
        """Rows arrived, or the list became longer."""
        self._told.clear()
        self._show_rows()
        self._show_hint((self._hint[0], self._hint[2]))
        if self._state.building:
            self.refresh_data()  # numbers by state are there when the list is

    def show(self, data: Shown) -> None:
        """Numbers, rows, and the line below them."""
        self._state = data.state
        self._show_rows()
        self._show_hint(data.hint)

    def _show_rows(self) -> None:
        browser = self._browser
        if browser is None or not self.is_attached:
            return
        if browser.shown is not self._shown:
            self._shown = browser.shown
            self.table.set_source(browser, follow_top=self._listing.order.descending)
            if self._goto is not None and self.table.select(self._goto):
                self._goto = None
        else:
            self.table.source_changed()
        tab = self._listing.states[0] + 1 if self._listing.states else 0
        self.query_one(StateTabs).show(self._state.by_state, tab, self._state.building, self._order_note())
        self._show_count(browser.count)

    def _show_count(self, count: int) -> None:
        noun = "job" if self._listing.grouped else "task"
        self.query_one(FilterBar).show_hits(f"{formatters.plural(count, noun)}")
        empty = "" if self._state.building else self._nothing()
        if empty != self.table.empty:
            self.table.empty = empty
            self.table.repaint()

    def _order_note(self) -> str:
        """The order, where no header on the screen tells it."""
        order, table = self._listing.order, self.table
        if table.sorted_by is not None and table.sorted_by[0] in table.shown_columns:
            return ""
        if order == LATEST_FIRST:
            return "newest first"
        return f"by {order.column}{', largest first' if order.descending else ''}"

    def _nothing(self) -> str:
        asked = self._asked or Listing()
        if self._listing.filter != asked.filter or self._listing.states != asked.states:
            return "Nothing fits. Esc takes the filter away"
        if asked.filter or asked.states:
            return "No such job. / changes the filter, 1 shows every state"
        return self.session.reading() or "No job yet. s submits one, or in a shell: qsub SCRIPT"

    def _show_hint(self, why: tuple[Key | None, str] = (None, "")) -> None:
        row, text = self._current, ""
        marks = len(self.table.marked)
        if marks:
            text = f"{formatters.plural(marks, 'row')} marked: x cancels, t retries, Esc unmarks"
        elif row is not None and why[1] and why[0] == row.key:
            text = f"{row.id} waits: {why[1]}"
        elif row is not None and (told := job_columns.reason(row)):
            text = f"{row.id}: {told}"
        text = text or self.session.extent()
        line = self.query_one("#hint", Static)
        text = formatters.printable(text)
        if str(line.content) != text:
            line.update(Content(text), layout=False)

    def on_row_table_highlighted(self, event: RowTable.Highlighted) -> None:
        """Another row: say of it what is known, and soon why it waits."""
        self._current = event.record
        self._show_hint((self._hint[0], self._hint[2]))
        if self._pause is not None:
            self._pause.stop()
        if self.table.follows:
            return  # the next look tells
        if self._current is not None and self._current.job.counts[WAITING] and self._hint[0] != self._current.key:
            self._pause = self.set_timer(HINT_PAUSE_S, self.refresh_data)

    def on_row_table_marks_changed(self) -> None:
        """How many are marked."""
        self._show_hint((self._hint[0], self._hint[2]))

    # -- which list --------------------------------------------------------------------------------------------------
    def _use(self, listing: Listing) -> None:
        """Show another list."""
        if listing == self._listing:
            return
        grouped = self._listing.grouped
        self._listing = _LEFT[self.session] = listing
        if listing.grouped != grouped:
            self.table.clear_marks()
        self._set_columns()
        if self._browser is not None:
            self._browser.show(listing)
        self.update_frame()
        self.refresh_data()

    def _set_columns(self) -> None:
        wanted = self.session.settings.columns.get("jobs", "").replace(",", " ").split()
        width = _ID_WIDTH if self._listing.grouped else _TASK_ID_WIDTH
        title = "Job" if self._listing.grouped else "Task"
        columns = [
            replace(column, width=width, title=title) if column.key == "id" else column
            for column in job_columns.columns(self.session.settings.ascii, self.session.clock)
            if self._listing.grouped or column.key != "progress"
        ]
        table, order = self.table, self._listing.order
        sorted_by = next((column.key for column in columns if column.sort == order.column), "id")
        table.sorted_by = (sorted_by, order.descending)
        table.set_columns(columns, wanted or job_columns.DEFAULT)

    def _known(self) -> list[str]:
        """Words that the filter line offers."""
        rows = [] if self._browser is None else [row for row in self._browser.window(self.table.cursor_row, 1) if row]
        return [f"{column}:{getattr(row.job, column)}" for row in rows for column in ("queue", "name", "user", "definition")]

    def on_filter_bar_changed(self, event: FilterBar.Changed) -> None:
        """Another filter."""
        self._use(replace(self._listing, filter=event.filter))

    def on_filter_bar_left(self) -> None:
        """Back to the table."""
        self.table.focus()

    def on_state_tabs_chosen(self, event: StateTabs.Chosen) -> None:
        """A click on a tab."""
        self.action_tab(event.tab)

    def on_row_table_sorted(self, event: RowTable.Sorted) -> None:
        """A click on a header."""
        column = next(one for one in event.table.columns if one.key == event.column)
        self._use(replace(self._listing, order=Order(column.sort or "id", event.reverse)))

    def on_row_table_opened(self, event: RowTable.Opened) -> None:
        """Enter or a double click."""
        self.app_open("job", event.record)

    # -- actions -----------------------------------------------------------------------------------------------------
    def app_open(self, view: str, row: Row | None) -> None:
        """Go to a view about a row."""
        if row is not None:
            self.cyclone.open(f"{view} {row.id}")

    def action_open_job(self) -> None:
        """Everything about the job under the cursor."""
        self.app_open("job", self.table.current)

    def action_logs(self) -> None:
        """Its output."""
        self.app_open("log", self.table.current)

    def action_filter(self) -> None:
        """Begin to type a filter."""
        self.query_one(FilterBar).open()

    def action_tab(self, tab: int) -> None:
        """Only what is in a state; 0: everything."""
        self._use(replace(self._listing, states=(tab - 1,) if tab else ()))

    def action_turn(self, by: int) -> None:
        """The next tab, or the one before."""
        tab = self._listing.states[0] + 1 if self._listing.states else 0
        self.action_tab((tab + by) % (len(STATES) + 1))

    def action_order(self, column: str) -> None:
        """Sort by a column, the other way round when it is that already."""
        order = self._listing.order
        descending = not order.descending if order.column == column else column not in _ASCENDING
        self._use(replace(self._listing, order=Order(column, descending)))

    @background
    async def action_sort(self) -> None:
        """Choose the order."""
        choices = [(column, f"{column}  (Shift+{key})") for key, column in _SORTS]
        found = await self.app.push_screen_wait(Choose("Sort by", choices, self._listing.order.column))
        if found:
            self.action_order(found)

    def action_toggle_tasks(self) -> None:
        """A row per task, or per job."""
        row = self.table.current
        self._goto = None if row is None else row.job.id
        self._use(replace(self._listing, grouped=not self._listing.grouped))

    def action_mark(self) -> None:
        """Mark the row, and go on."""
        self.table.action_mark()

    def action_mark_range(self) -> None:
        """Mark everything between the last mark and the cursor."""
        bulk_flows.mark_range(self, self.table)

    def action_back(self) -> None:
        """Take away the marks, then the filter and the tab; then to the view before."""
        asked = self._asked or Listing()
        if self.table.marked:
            self.table.clear_marks()
        elif self._listing.filter != asked.filter or self._listing.states != asked.states:
            self.query_one(FilterBar).set(asked.filter)
            self._use(replace(self._listing, filter=asked.filter, states=asked.states))
        else:
            super().action_back()

    def action_submit(self) -> None:
        """A script for the queue that is shown."""
        queues = self._listing.filter.values("queue")
        self.cyclone.open(f"submit queue={queues[0]}" if queues and len(queues) == 1 else "submit")

    def action_copy_job(self) -> None:
        """The job, or the task, as YAML."""
        row = self.table.current
        if row is not None:
            self.copy_yaml((row.task or row.job).as_json(), row.id)

    @background
    async def action_columns(self) -> None:
        """Choose the columns."""
        table = self.table
        choices = [(column.key, column.title) for column in table.columns]
        found = await self.app.push_screen_wait(ColumnChooser(choices, table.visible_columns, job_columns.DEFAULT))
        if found is not None:
            await bulk_flows.keep_columns(self, "jobs", found)
            self._set_columns()

    @background
    async def action_cancel(self) -> None:
        """Cancel what is marked, or what is under the cursor."""
        await bulk_flows.cancel(self, self._keys())

    @background
    async def action_cancel_all(self) -> None:
        """Cancel everything open in the list."""
        await bulk_flows.cancel_all(self, self._listing)

    @background
    async def action_again(self) -> None:
        """Run what is marked, or under the cursor, again."""
        await bulk_flows.again(self, self._keys())

    def _keys(self) -> list[Key]:
        marked: list[Any] = self.table.marked
        row = self.table.current
        return marked or ([] if row is None else [row.key])


def listing_of(arguments: Mapping[str, str]) -> Listing:
    """The list that arguments ask for. Raises InvalidRequest for a state, filter, order or kind of rows that does not exist."""
    filter = parse(arguments["filter"]) if arguments.get("filter") else EVERYTHING
    states: tuple[int, ...] = ()
    for name in ("queue", "name", "user", "definition"):
        if arguments.get(name):
            filter = Filter(
                (*filter.terms, OneOf(name, tuple(filter_value for filter_value in arguments[name].split(",") if filter_value)))
            )
    if arguments.get("status"):
        named = parse(f"status:{arguments['status']}").values("status") or ()
        states = tuple(STATES.index(state) for state in named)
        if len(states) > 1:
            filter, states = filter.with_values("status", named), ()
    return Listing(filter, states, _order(arguments.get("sort", "")), arguments.get("rows", "jobs") != "tasks")


def _order(text: str) -> Order:
    """`took` or, the smallest first, `+took`; `-name` the other way round."""
    column = text.lstrip("+-") or "id"
    if column not in ORDERS:
        raise InvalidRequest([Problem("sort", f"there is no order {text!r}", f"One of {', '.join(ORDERS)}")])
    return Order(column, text.startswith("-") or (column not in _ASCENDING and not text.startswith("+")))
