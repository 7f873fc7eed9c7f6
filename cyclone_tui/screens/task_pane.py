"""The tasks of an array as a table with a tab for each state; records are read a page at a time as they are looked at."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message

from cyclone_core.errors import CycloneError
from cyclone_tui import formatters
from cyclone_tui.job_page import Overview
from cyclone_tui.task_rows import TaskRow, TaskRows, Wanted, columns
from cyclone_tui.widgets.pane_tabs import PaneTabs
from cyclone_tui.widgets.row_table import RowTable

Read = Callable[[Wanted], "Future[list[TaskRow]]"]
RETRY_S = 2.0


class TaskPane(Vertical):
    """See the module. Messages: `StateChosen`, `TaskOpened`."""

    class StateChosen(Message):
        """The user wants tasks in this state (None: all)."""

        def __init__(self, status: int | None) -> None:
            super().__init__()
            self.status = status

    class TaskOpened(Message):
        """The user wants to see a task."""

        def __init__(self, position: int) -> None:
            super().__init__()
            self.position = position

    def __init__(self, read: Read, ascii: bool, is_aws: bool = False, id: str | None = None) -> None:
        """read: brings a page, on a thread."""
        super().__init__(id=id)
        self._read, self.ascii, self._is_aws = read, ascii, is_aws
        self._rows: TaskRows | None = None
        self._look = 0

    def compose(self) -> ComposeResult:
        """States, tasks."""
        yield PaneTabs(numbered=False, hint="[ ]", id="states")
        yield RowTable(columns(self.ascii, self._is_aws), empty="no task in this state", ascii=self.ascii, id="task-table")

    @property
    def table(self) -> RowTable[TaskRow]:
        """The table."""
        return self.query_one("#task-table", RowTable)

    @property
    def current(self) -> TaskRow | None:
        """The task under the cursor."""
        return self.table.current

    @property
    def marked(self) -> list[int]:
        """Positions of the marked tasks."""
        return [key for key in self.table.marked if isinstance(key, int)]

    def set_overview(self, job: int, overview: Overview) -> None:
        """Show these tasks; nothing is done when they were shown already."""
        if overview.look == self._look:
            return
        self._look = overview.look
        if self._rows is None:
            self._rows = TaskRows(job, self._ask_page)
        is_other = self._rows.status != overview.status or not self._rows.count
        self._rows.set_states(overview.states, overview.positions, overview.status)
        if is_other:
            self.table.set_source(self._rows)
        else:
            self.table.source_changed()
        self.query_one("#states", PaneTabs).show(self._tabs(overview.counts), "" if overview.status is None else str(overview.status))

    def _tabs(self, counts: Sequence[int]) -> list[tuple[str, str]]:
        states = [(str(state), f"{formatters.state_text(state, self.ascii)} {count:,}") for state, count in enumerate(counts) if count]
        return [("", f"All {sum(counts):,}"), *states]

    def _ask_page(self, wanted: Wanted) -> None:
        """The table looks at rows that are not known."""
        self.run_worker(self._bring(wanted), group="load", exit_on_error=False)

    async def _bring(self, wanted: Wanted) -> None:
        rows: list[TaskRow] = []
        try:
            rows = await asyncio.wrap_future(self._read(wanted))
        except (CycloneError, OSError):  # the next refresh of the view tells it
            await asyncio.sleep(RETRY_S)
        if self._rows is not None and self.is_attached:
            self._rows.take(wanted, rows)
            self.table.source_changed()

    @on(PaneTabs.Chosen)
    def _state_chosen(self, event: PaneTabs.Chosen) -> None:
        event.stop()
        self.post_message(self.StateChosen(int(event.name) if event.name else None))

    @on(RowTable.Opened)
    def _opened(self, event: RowTable.Opened) -> None:
        event.stop()
        self.post_message(self.TaskOpened(event.record.position))
