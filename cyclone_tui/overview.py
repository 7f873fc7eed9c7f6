"""The first full-screen view: one host, its tasks by state and its newest jobs.

A snapshot is read in a thread every two seconds; the screen is touched only where it differs from the one before, so that nothing
at all goes to the terminal while nothing changes. Reading is bounded (counters and one page of jobs), however many jobs there are.
"""

from dataclasses import dataclass
from time import localtime, strftime
from typing import ClassVar

from rich.markup import escape
from textual import work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import DataTable, Footer, Static
from textual.worker import get_current_worker

from cyclone_core.errors import CycloneError
from cyclone_core.jobs import STATES
from cyclone_core.operations.queries import open_host

REFRESH_S = 2.0
NEWEST_JOBS = 200
COLUMNS = ("Job", "Name", "Queue", "Status", "Done", "Tasks", "Submitted")


@dataclass(frozen=True)
class Snapshot:
    """What the screen shows at one instant; two equal ones look the same."""

    host: str
    state_dir: str
    supervised: bool
    counts: tuple[int, ...]
    """tasks by state, in the order of `jobs.STATES`"""
    rows: tuple[tuple[str, ...], ...]
    """one row of cells per job, newest first, as many as COLUMNS"""
    problem: str = ""
    """why the host could not be read; the rest is then as empty as it looks"""


def take_snapshot(name: str) -> Snapshot:
    """Read a host. A host that cannot be read becomes a snapshot that says why."""
    try:
        with open_host(name) as host:
            counts = tuple(sum(column) for column in zip(*(counts for _, counts in host.summary()), strict=True)) or (0,) * len(STATES)
            rows = tuple(
                (
                    str(job.id),
                    job.name,
                    job.queue,
                    job.state,
                    f"{job.done:,}",
                    f"{job.tasks:,}",
                    strftime("%Y-%m-%d %H:%M:%S", localtime(job.submitted)),
                )
                for job in host.reader.jobs(limit=NEWEST_JOBS)
            )
            return Snapshot(host.name, host.state_dir, host.supervised(), counts, rows)
    except CycloneError as exc:
        return Snapshot(name, "", False, (0,) * len(STATES), (), str(exc))


class Overview(App[int]):
    """Shows snapshots of one host until the user quits."""

    CSS = """
    #host { padding: 0 1; background: $primary; color: $text; }
    #counts { padding: 0 1; }
    #problem { padding: 0 1; color: $error; display: none; }
    DataTable { height: 1fr; }
    """
    TITLE = "cyclone"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", "Quit"),
        Binding("r", "refresh", "Refresh"),
        Binding("j", "move(1)", "Down", show=False),
        Binding("k", "move(-1)", "Up", show=False),
    ]

    def __init__(self, host: str) -> None:
        super().__init__()
        self.host = host
        self.shown: Snapshot | None = None

    def compose(self) -> ComposeResult:
        """A line for the host, one for the counters, the table of jobs, the keys."""
        yield Static(f"Host {escape(self.host)}", id="host")
        yield Static("", id="counts")
        yield Static("", id="problem")
        yield DataTable[str](cursor_type="row", zebra_stripes=True)
        yield Footer()

    def on_mount(self) -> None:
        """Make the table's columns and begin to refresh."""
        self.table.add_columns(*((title, title) for title in COLUMNS))
        self.action_refresh()
        self.set_interval(REFRESH_S, self.action_refresh)

    @property
    def table(self) -> DataTable[str]:
        """The table of jobs."""
        return self.query_one(DataTable)

    @work(thread=True, exclusive=True)
    def action_refresh(self) -> None:
        """Read the host in a thread and show what changed."""
        snapshot = take_snapshot(self.host)
        if not get_current_worker().is_cancelled:  # the screen may be gone by now
            self.call_from_thread(self.show_snapshot, snapshot)

    def action_move(self, rows: int) -> None:
        """Move the cursor up or down."""
        self.table.move_cursor(row=self.table.cursor_row + rows)

    def show_snapshot(self, new: Snapshot) -> None:
        """Touch what differs from the snapshot on the screen, nothing else."""
        old = self.shown
        if new == old:
            return
        self.shown = new
        if old is None or (old.supervised, old.state_dir) != (new.supervised, new.state_dir):
            running = "running" if new.supervised else "not running (the next job starts it)"
            self.query_one("#host", Static).update(f"Host [b]{escape(new.host)}[/b]  local, {running}  {escape(new.state_dir)}")
        if old is None or old.counts != new.counts:
            counts = "   ".join(f"{state} [b]{number:,}[/b]" for state, number in zip(STATES, new.counts, strict=True))
            self.query_one("#counts", Static).update(f"Tasks:   {counts}")
        if old is None or old.problem != new.problem:
            problem = self.query_one("#problem", Static)
            problem.update(escape(new.problem))
            problem.display = bool(new.problem)
        self.show_rows(old.rows if old else (), new.rows)

    def show_rows(self, old: tuple[tuple[str, ...], ...], new: tuple[tuple[str, ...], ...]) -> None:
        """Change single cells while the jobs are the same ones; fill the table anew, at the same job, when there are others."""
        table = self.table
        if [row[0] for row in old] == [row[0] for row in new]:
            for before, row in zip(old, new, strict=True):
                for title, was, cell in zip(COLUMNS, before, row, strict=True):
                    if was != cell:
                        table.update_cell(row[0], title, escape(cell))
            return
        at_top = table.cursor_row == 0
        current = old[table.cursor_row][0] if old and not at_top else None
        table.clear()
        for row in new:
            table.add_row(*map(escape, row), key=row[0])
        ids = [row[0] for row in new]
        if current in ids:
            table.move_cursor(row=ids.index(current))
