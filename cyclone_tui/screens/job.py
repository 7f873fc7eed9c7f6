"""One job or one task: what it is and how it is on top, and below it, one at a time, its output, tasks, metrics, script and events."""

from collections.abc import Mapping
from itertools import zip_longest
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import ContentSwitcher, Static

from cyclone_core.ids import format_task
from cyclone_core.jobs import STATES
from cyclone_core.operations.queries import HostView
from cyclone_tui.actions import Action, bound
from cyclone_tui.job_page import Event, JobPage, PageReader, Usage, script_prefix
from cyclone_tui.screens.base import background
from cyclone_tui.screens.followed import FollowedView
from cyclone_tui.screens.job_flows import JobFlows
from cyclone_tui.screens.task_pane import TaskPane
from cyclone_tui.task_rows import read_page
from cyclone_tui.widgets.fields import Fields
from cyclone_tui.widgets.log_view import Batch, LogPane, LogTail
from cyclone_tui.widgets.pane_tabs import PaneTabs
from cyclone_tui.widgets.row_table import Column, RowTable
from cyclone_tui.widgets.spark import Spark
from cyclone_tui.widgets.task_grid import TaskGrid, TaskMap
from cyclone_tui.widgets.timeline import Timeline

PANES_OF_ARRAY = ("map", "tasks", "output", "details", "script", "events")
PANES_OF_TASK = ("output", "details", "metrics", "script", "events")
_EVENT_COLUMNS = (
    Column[Event]("at", "Time", lambda event: event.at, 18, style=lambda event: "muted"),
    Column[Event]("who", "Task", lambda event: event.who, 14, priority=1),
    Column[Event]("what", "What happened", lambda event: event.what),
)
_BAR = 30
FEW_TASKS = 20
"""Of an array: their table is more use than their map."""


class JobView(JobFlows, FollowedView):
    """See the module. Argument `id`: `1234` or `1234--7`."""

    NAME = "job"
    FAR = True
    AUTO_FOCUS = "LogPane"
    VERTICAL_BREAKPOINTS = [(0, "-low"), (32, "-tall")]  # noqa: RUF012 - as Textual declares it
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action("job.cancel", "x", "cancel", "Cancel", "cancel the job, the task, or the marked tasks", "qdel ID", writes=True, danger=True),
        Action("job.again", "t", "again", "Retry", "run it again as a new job: all, those that failed, or the marked tasks",
               "qsub --again ID --only Failed,Error", writes=True, danger=True),
        Action("job.log", "l", "log", "Log", "the output on the whole screen, of the task under the cursor", "qlog -i ID --follow"),
        Action("job.next_pane", "tab", "pane(1)", "Next pane", "the next of the panes below", looks=True, show=False),
        Action("job.last_pane", "shift+tab", "pane(-1)", "Pane before", "the pane before", looks=True, show=False),
        *(Action(f"job.pane{at}", str(at), f"pane_number({at})", f"Pane {at}", f"of an array {array}, of a task {task}", looks=True,
                 show=False)
          for at, (array, task) in enumerate(zip_longest(PANES_OF_ARRAY, PANES_OF_TASK, fillvalue="nothing"), 1)),
        Action("job.state", "right_square_bracket", "turn(1)", "Next state/task", "tasks in the next state; of a task: the next task",
               looks=True, show=False, display="]"),
        Action("job.state_before", "left_square_bracket", "turn(-1)", "State/task before", "tasks in the state before; the task before",
               looks=True, show=False, display="["),
        Action("job.zoom_in", "plus", "zoom(-1)", "Zoom in", "fewer tasks in a cell of the map", looks=True, show=False),
        Action("job.zoom_out", "minus", "zoom(1)", "Zoom out", "more tasks in a cell of the map", looks=True, show=False),
        Action("job.fit", "0", "fit", "Fit", "all tasks on one screen of the map", looks=True, show=False),
        Action("job.large", "z", "large", "Larger", "hide and show what is above the panes", looks=True, show=False),
        Action("job.array", "u", "array", "Array", "from a task to its array", "qstat -i ID"),
        Action("job.usage", "U", "usage", "Usage", "what the job used and cost, by region", "hyper usage --job ID", show=False),
        Action("job.copy", "y", "copy", "YAML", "copy all fields as YAML", "qstat -i ID --json"),
    )  # fmt: skip
    BINDINGS: ClassVar[list[BindingType]] = bound(ACTIONS)
    DEFAULT_CSS = """
    JobView #head { height: auto; }
    JobView.-large #head { display: none; }
    JobView #title { height: 1; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
    JobView #trouble { height: auto; max-height: 2; padding: 0 1; display: none; }
    JobView.-tall #trouble { max-height: 4; }
    JobView Fields { max-height: 4; }
    JobView.-tall Fields { max-height: 8; }
    JobView #progress { height: 1; padding: 0 1; display: none; }
    JobView #attempts { height: auto; max-height: 3; padding: 0 1; display: none; }
    JobView.-tall #attempts { max-height: 9; }
    JobView ContentSwitcher { height: 1fr; }
    JobView ContentSwitcher > * { height: 1fr; }
    JobView #details Static { height: auto; padding: 0 1; }
    JobView #metrics { padding: 0 1; }
    JobView #metrics Spark { height: 1fr; max-height: 12; min-height: 4; margin-bottom: 1; }
    JobView.-low #metrics Spark { margin-bottom: 0; }
    JobView #usage { height: auto; color: $muted; }
    """

    def __init__(self, arguments: Mapping[str, str] | None = None) -> None:
        super().__init__(arguments)
        self.task_text = self.arguments.get("id", "").strip()
        self.pane = ""
        self.status: int | None = None
        """state of the tasks that the table shows"""
        self._reader: PageReader | None = None
        self._script: tuple[str, ...] | None = None

    # -- what it is made of ------------------------------------------------------------------------------------------
    def crumb(self) -> str:
        """`job 1234--7`."""
        return f"job {self.task_text}"

    def twin(self) -> str:
        """What prints the pane on a plain terminal."""
        name, page = self.task_text, self.page
        follow = "" if page and page.is_final else " --follow"
        if self.pane == "output":
            return f"qlog -i {name}{follow}"
        if self.pane in ("map", "tasks"):
            return f"qstat -i {name} --tasks{f' -f {STATES[self.status]}' if self.status is not None else ''}"
        return {"metrics": f"qlog -i {name} -t METRICS", "events": f"qlog -i {name} -t SYSTEM", "script": f"qstat -i {name} --json"}.get(
            self.pane, f"qstat -i {name}"
        )

    def body(self) -> ComposeResult:
        """Head, tabs, panes."""
        ascii = self.session.settings.ascii
        self.tail = LogTail(ascii=ascii, id="output")
        with Vertical(id="head"):
            yield Static("", id="title")
            yield Static("", id="trouble")
            yield Fields()
            yield Static("", id="progress")
            yield Timeline(ascii, id="attempts")
        yield PaneTabs(hint="Tab", id="panes")
        with ContentSwitcher():
            yield TaskGrid(ascii=ascii, id="map")
            yield TaskPane(lambda wanted: self.session.read_far(read_page, wanted), ascii, self.session.is_aws, id="tasks")
            yield self.tail
            with VerticalScroll(id="details"):
                yield Static("", id="detail-text")
            with Vertical(id="metrics"):
                yield Static("", id="usage")
                yield Spark("CPU", "%", ascii=ascii, least_top=100, widest=6, id="cpu")
                yield Spark("Memory", "MiB", ascii=ascii, widest=6, id="memory")
            yield LogPane(kind_of=_kind_of, id="script")
            yield RowTable(_EVENT_COLUMNS, empty="nothing happened yet", ascii=ascii, marks=False, id="events")

    @property
    def panes(self) -> tuple[str, ...]:
        """Those that there are, in order."""
        return PANES_OF_ARRAY if self.page and self.page.is_array else PANES_OF_TASK

    # -- data --------------------------------------------------------------------------------------------------------
    def load(self, host: HostView) -> JobPage:
        """The page, with what the open pane shows; at first the usual pane is not known, and nothing more is read."""
        if self._reader is None:
            self._reader = PageReader(self.task_text, self.session.settings.ascii, self.session.clock)
        return self._reader.read(host, self.pane, self.status, _BAR)

    def show(self, data: JobPage) -> None:
        """Show the head, and what came for the open pane."""
        before, self.page = self.page, data
        self._show_head(data)
        if before is None:
            self.query_one(TaskGrid).set_job(data.job, data.numbering.index if data.numbering else int)
            self._open_pane("tasks" if data.is_array and data.tasks <= FEW_TASKS else self.panes[0])
        self.query_one("#panes", PaneTabs).show([(name, name.capitalize()) for name in self.panes], self.pane)
        self.tail.set_state("", data.is_final)
        if data.pane == self.pane:
            self._show_pane(data)
        if before is None or (before.is_final, before.can_run_again) != (data.is_final, data.can_run_again):
            self.refresh_bindings()

    def _show_head(self, page: JobPage) -> None:
        _update(self.query_one("#title", Static), _styled(page.title))
        trouble = self.query_one("#trouble", Static)
        trouble.display = bool(page.trouble[0])
        _update(trouble, _styled([page.trouble]))
        self.query_one(Fields).set_fields(page.head)
        progress, attempts = self.query_one("#progress", Static), self.query_one("#attempts", Timeline)
        progress.display, attempts.display = page.is_array, bool(page.bars)
        if page.is_array:
            _update(progress, _styled(page.progress))
        attempts.set_attempts(page.bars, page.submitted, page.until)

    def _show_overview(self, page: JobPage) -> None:
        if page.overview is None:
            return
        if self.pane == "map":
            self.query_one(TaskGrid).set_states(page.overview.states, page.overview.counts)
        else:
            self.query_one(TaskPane).set_overview(page.job, page.overview)

    def _show_pane(self, page: JobPage) -> None:
        """What only one pane shows."""
        self._show_overview(page)
        if page.details:
            _update(self.query_one("#detail-text", Static), _table(page.details))
        if page.usage is not None:
            self._show_usage(page.usage)
        if page.script is not None and page.script != self._script:
            self._script = page.script
            pane = self.query_one("#script", LogPane)
            pane.prefix = script_prefix(len(page.script))
            pane.clear()
            pane.following = False
            pane.add(Batch(list(page.script)))
        if page.events is not None:
            self.query_one("#events", RowTable).set_rows(page.events, key=lambda event: event.number)

    def _show_usage(self, usage: Usage) -> None:
        self.query_one("#cpu", Spark).set_values(usage.cpu)
        self.query_one("#memory", Spark).set_values(usage.memory)
        text = "   ".join(part for part in (usage.span, usage.total) if part)
        _update(self.query_one("#usage", Static), Content(text or "no samples yet: they are taken every few seconds"))

    # -- panes -------------------------------------------------------------------------------------------------------
    def _open_pane(self, name: str) -> None:
        if name == self.pane or self.page is None:
            return
        self.pane = name
        self.query_one(ContentSwitcher).current = name
        self.query_one("#panes", PaneTabs).show([(one, one.capitalize()) for one in self.panes], name)
        if name == "output" and self.follower is None and not self.followed[0]:
            self.tail.pane.prefix = self.page.prefix
            self.follow_output(self.task_text)
        self._focus_pane()
        self.refresh_bindings()
        self.update_frame()
        self.refresh_data()

    def _focus_pane(self) -> None:
        names = {"map": "TaskMap", "tasks": "#task-table", "output": "#output LogPane"}
        self.query_one(names.get(self.pane, f"#{self.pane}")).focus(scroll_visible=False)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys of the lines are there where lines are."""
        if action in ("follow", "search", "wrap", "save") and self.pane != "output":
            return False
        page = self.page
        if page is not None and ((action == "cancel" and page.is_final) or (action == "again" and not page.can_run_again)):
            return False
        if action == "array" and (page is None or page.index is None):
            return False
        return super().check_action(action, parameters)

    def action_pane(self, step: int) -> None:
        """The next pane or the one before."""
        if self.pane:
            self._open_pane(self.panes[(self.panes.index(self.pane) + step) % len(self.panes)])

    def action_pane_number(self, number: int) -> None:
        """The pane with this number."""
        if self.page is not None and number <= len(self.panes):
            self._open_pane(self.panes[number - 1])

    @on(PaneTabs.Chosen, "#panes")
    def _pane_chosen(self, event: PaneTabs.Chosen) -> None:
        self._open_pane(event.name)

    # -- tasks -------------------------------------------------------------------------------------------------------
    def on_task_pane_state_chosen(self, event: TaskPane.StateChosen) -> None:
        """A tab above the table."""
        self._filter(event.status)

    def _filter(self, status: int | None) -> None:
        if status != self.status:
            self.status = status
            self.update_frame()
            self.refresh_data()

    def action_turn(self, step: int) -> None:
        """Of an array: tasks in the next state that there is. Of a task: its neighbour."""
        page = self.page
        if page is None:
            return
        if page.is_array:
            states = [None, *(state for state, count in enumerate(page.counts) if count)]
            at = states.index(self.status) if self.status in states else 0
            self._filter(states[(at + step) % len(states)])
            if self.pane != "tasks":
                self._open_pane("tasks")
            return
        index = page.neighbours[step > 0]
        if index is not None:
            self.cyclone.open(f"job {format_task(page.job, index)}")

    def marked_indices(self) -> list[int]:
        """Indices of the marked tasks."""
        page = self.page
        if self.pane != "tasks" or page is None or page.numbering is None:
            return []
        return [page.numbering.index(position) for position in self.query_one(TaskPane).marked]

    def on_task_pane_task_opened(self, event: TaskPane.TaskOpened) -> None:
        """Enter in the table."""
        self._open_task(event.position)

    def on_task_map_opened(self, event: TaskMap.Opened) -> None:
        """Enter on the map."""
        self._open_task(event.position)

    def _open_task(self, position: int) -> None:
        """On top of the array, to which Esc leads back."""
        if self.page and self.page.numbering:
            self.app.push_screen(JobView({"id": self.page.numbering.task_id(position)}))

    def _under_cursor(self) -> str:
        """The task under the cursor of the map or table, else what the view shows."""
        if self.page and self.page.numbering:
            if self.pane == "map" and (position := self.query_one(TaskMap).position):
                return self.page.numbering.task_id(position)
            if self.pane == "tasks" and (row := self.query_one(TaskPane).current) is not None:
                return str(row.id)
        return self.task_text

    # -- keys --------------------------------------------------------------------------------------------------------
    def action_log(self) -> None:
        """The output on the whole screen."""
        self.cyclone.open(f"log {self._under_cursor()}")

    def action_match(self, direction: int) -> None:
        """In the output the next line that was searched for, on the map the next task that failed."""
        if self.pane == "map":
            self.query_one(TaskMap).action_failed(direction)
        elif self.pane == "output":
            super().action_match(direction)

    def action_zoom(self, direction: int) -> None:
        """Fewer or more tasks in a cell."""
        if self.pane == "map":
            self.query_one(TaskMap).action_zoom(direction)

    def action_fit(self) -> None:
        """All on one screen."""
        if self.pane == "map":
            self.query_one(TaskMap).action_fit()

    def action_large(self) -> None:
        """More room for the pane."""
        self.toggle_class("-large")

    def action_array(self) -> None:
        """From a task to its array, which may be the view below."""
        if self.page is None or self.page.index is None:
            return
        below = self.cyclone.views[-2:-1]
        if below and isinstance(below[0], JobView) and below[0].task_text == str(self.page.job):
            self.cyclone.back()
        else:
            self.cyclone.open(f"job {self.page.job}")

    def action_usage(self) -> None:
        """What the job used."""
        if self.page is not None:
            self.cyclone.open(f"usage region job={self.page.job}")

    @background
    async def action_copy(self) -> None:
        """All fields as YAML."""
        if self.page is not None and self.page.record is not None:
            self.copy_yaml(self.page.record, self.page.id)


def _kind_of(line: str) -> str:
    """Directives and comments of a script."""
    start = line.lstrip()
    return "" if not start.startswith("#") else "directive" if start.startswith(("#HYPER", "#!")) else "comment"


def _update(widget: Static, content: Content) -> None:
    """Show it when it differs."""
    if widget.content != content:
        widget.update(content)


_STYLES = {
    "": "", "muted": "$muted", "waiting": "$muted", "running": "$text-primary", "ok": "$text-success", "failed": "$text-error",
    "cancelled": "$text-warning", "error": "bold $text-error", "title": "bold", "number": "",
}  # fmt: skip


def _styled(parts: "list[tuple[str, str]] | tuple[tuple[str, str], ...]") -> Content:
    return Content.assemble(*((text, _STYLES[style]) for text, style in parts))


def _table(rows: tuple[tuple[str, str], ...]) -> Content:
    """Names and values below each other."""
    width = min(24, max(len(name) for name, _ in rows)) + 2
    parts: list[tuple[str, str]] = []
    for name, value in rows:
        parts += [(f"{name:<{width}}", "$muted"), (f"{value}\n", "")]
    return Content.assemble(*parts)
