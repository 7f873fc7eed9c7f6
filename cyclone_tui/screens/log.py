"""What a job or task writes, on the whole screen, as it is written."""

from collections.abc import Mapping
from dataclasses import dataclass

from textual.app import ComposeResult

from cyclone_core.jobs import WAITING
from cyclone_core.operations.queries import HostView
from cyclone_core.views import Job, Task
from cyclone_tui import formatters
from cyclone_tui.actions import Action, bound
from cyclone_tui.following import prefix_length
from cyclone_tui.screens.followed import FollowedView
from cyclone_tui.widgets.log_view import LogTail


@dataclass(frozen=True)
class Source:
    """Where the lines come from."""

    state: str
    """for the status line"""
    attempts: int
    prefix: int
    """characters of each line that tell the task"""
    is_final: bool


class LogView(FollowedView):
    """See the module. Argument `id`: `1234` or `1234--7`."""

    NAME = "log"
    FAR = True
    AUTO_FOCUS = "LogPane"
    ACTIONS = (
        Action("log.attempt", "left_square_bracket", "attempt(-1)", "Earlier attempt", "output of the attempt before", show=False,
               twin="qlog -i ID--INDEX --attempt N", display="["),
        Action("log.later", "right_square_bracket", "attempt(1)", "Later attempt", "output of the attempt after it", show=False,
               twin="qlog -i ID--INDEX --attempt N", display="]"),
        Action("log.describe", "d", "describe", "Job", "the job or task itself", twin="qstat -i ID"),
    )  # fmt: skip
    BINDINGS = bound(ACTIONS)

    def __init__(self, arguments: Mapping[str, str] | None = None) -> None:
        super().__init__(arguments)
        self.task_text = self.arguments.get("id", "").strip()
        self.number: int | None = None
        """the attempt whose output is shown; None: the last one"""
        self.source: Source | None = None

    def crumb(self) -> str:
        """`log 1234--7`."""
        return f"log {self.task_text}"

    def twin(self) -> str:
        """`qlog -i 1234--7 --follow`."""
        attempt = f" --attempt {self.number}" if self.number else ""
        follow = " --follow" if self.source is None or not self.source.is_final else ""
        return f"qlog -i {self.task_text}{attempt}{follow}"

    def body(self) -> ComposeResult:
        """The lines."""
        self.tail = LogTail(ascii=self.session.settings.ascii)
        yield self.tail

    def load(self, host: HostView) -> Source:
        """The job's state for the status line."""
        job, task = host.find([self.task_text])[0]
        ascii = self.session.settings.ascii
        if task is None and not job.array:
            task = host.reader.task(job.id, 1)
        state = progress_text(job, ascii) if task is None else task_text(task, ascii)
        if (task.status if task else job.status) == WAITING:
            why = host.why_waiting(job)
            state = f"{state}: {why}" if why else state
        attempts = len(host.reader.attempts(job.id, task.position)) if task else 0
        return Source(state, attempts, 0 if task else prefix_length(job), job.is_final if task is None else task.is_final)

    def show(self, data: Source) -> None:
        """Begin to follow when it is known to be there; tell the state."""
        first, self.source = self.source is None, data
        if first:
            self.tail.pane.prefix = data.prefix
            self.follow_output(self.task_text)
        attempt = f"attempt {self.number} of {data.attempts}   " if self.number else ""
        self.tail.set_state(f"{attempt}{data.state}", data.is_final)

    def action_attempt(self, direction: int) -> None:
        """Another attempt of the task."""
        made = self.source.attempts if self.source else 0
        if made < 2:
            self.cyclone.tell("there is one attempt only" if made else "there is no attempt to choose: open one task of the array")
            return
        wanted = (self.number or made) + direction
        if 1 <= wanted <= made and self.source:
            self.number = wanted if wanted < made else None
            self.follow_output(self.task_text, self.number)
            self.show(self.source)
            self.update_frame()

    def action_describe(self) -> None:
        """The job or task."""
        self.cyclone.open(f"job {self.task_text}")


def task_text(task: Task, ascii: bool) -> str:
    """`✗ Failed, exit code 3`, `● Running since 20:13:05`."""
    text = formatters.state_text(task.status, ascii)
    if task.signal:
        text += f", signal {task.signal}"
    elif task.exit_code:
        text += f", exit code {task.exit_code}"
    if task.attempt > 1:
        text += f", attempt {task.attempt}"
    if not task.is_final and task.started is not None:
        text += f" since {formatters.moment(task.started)}"
    return f"{text}: {formatters.printable(task.reason)}" if task.reason and task.reason != task.state.lower() else text


def progress_text(job: Job, ascii: bool) -> str:
    """`● Running: 250 of 1,000 tasks done`."""
    return f"{formatters.state_text(job.status, ascii)}: {job.done:,} of {formatters.plural(job.tasks, 'task')} done"
