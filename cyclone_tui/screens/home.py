"""A host at a glance: counters, throughput, hosts, queues, workers per region, the newest jobs, and what needs attention.

Five panels of rows, walked with the arrows; Enter opens what is under the cursor, and the line above the keys shows its command. Nothing
moves while nothing changes: throughput is drawn without the time in which nothing ended.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from shlex import quote
from typing import Any

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from cyclone_core.errors import CycloneError
from cyclone_core.jobs import FAILED, RUNNING, SUCCESSFUL, WAITING
from cyclone_core.operations import deployments, monitoring
from cyclone_core.operations.attention import Attention
from cyclone_core.operations.deployments import Deployment
from cyclone_core.operations.monitoring import HostNow, JobLine, Overview, Pool, QueueNow
from cyclone_core.operations.queries import HostView
from cyclone_tui import formatters
from cyclone_tui import monitoring_formats as formats
from cyclone_tui.actions import Action, bound
from cyclone_tui.screens.base import View, background
from cyclone_tui.widgets.counters import Counters
from cyclone_tui.widgets.panel_table import PanelTable
from cyclone_tui.widgets.row_table import Column, ListRows, RowTable
from cyclone_tui.widgets.table_columns import GUTTER, Part, fit
from cyclone_tui.widgets.throughput import Throughput

TALL = 32
"""Lines from which on there is room for more than the least of everything."""


@dataclass(frozen=True)
class Dashboard:
    """Everything that the view shows; two equal ones look the same."""

    overview: Overview
    hosts: tuple[HostNow, ...]
    rates: tuple[float, ...]
    """tasks per second, oldest first, without idle time"""
    deployments: tuple[Deployment, ...]
    """those that run now"""
    region: str | None = None
    """the only one that is shown, None: all"""


@dataclass(frozen=True)
class Line:
    """One line of something that needs attention."""

    about: Attention
    key: tuple[int, int]
    text: str
    remedy: bool


class HomeView(View):
    """See the module."""

    NAME = "home"
    FROM_AWS = ("jobs", "resources")
    AUTO_FOCUS = "#jobs"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (128, "-wide")]  # noqa: RUF012 - as Textual declares it
    VERTICAL_BREAKPOINTS = [(0, "-low"), (TALL, "-tall")]  # noqa: RUF012
    ACTIONS = (
        Action("home.submit", "s", "submit", "Submit", "submit a script", twin="qsub FILE", writes=True),
        Action("home.remedy", "f", "remedy", "Fix", "do what helps against the warning under the cursor, or copy its command",
               twin="hyper hosts start NAME", writes=True, danger=True),
        Action("home.add", "a", "add", "Add", "make what the panel lists, else a queue, with the wizard", twin="hyper queues add-queue",
               writes=True, show=False),
        Action("home.jobs", "1", "panel('jobs')", "Jobs", "go to the panel of jobs", looks=True, show=False),
        Action("home.queues", "2", "panel('queues')", "Queues", "go to the panel of queues", looks=True, show=False),
        Action("home.pools", "3", "panel('pools')", "Workers", "go to the panel of workers", looks=True, show=False),
        Action("home.hosts", "4", "panel('hosts')", "Hosts", "go to the panel of hosts", looks=True, show=False),
        Action("home.attention", "5", "panel('attention')", "Attention", "go to the panel of what needs attention", looks=True, show=False),
        Action("home.usage", "u", "usage", "Usage", "what work used and cost", twin="hyper usage", show=False),
        Action("home.logs", "l", "logs", "Log", "output of the job under the cursor", twin="qlog -i ID"),
    )  # fmt: skip
    BINDINGS = bound(ACTIONS)
    DEFAULT_CSS = """
    HomeView #upper { height: 5; }
    HomeView #middle { height: 4; }
    HomeView #lower { height: 1fr; }
    HomeView #throughput, HomeView #queues { width: 4fr; margin-right: 1; }
    HomeView #hosts, HomeView #pools { width: 3fr; }
    HomeView #jobs { height: 1fr; }
    HomeView #side { height: auto; max-height: 60%; }
    HomeView #deployments { height: auto; max-height: 4; display: none; }
    HomeView #attention { height: auto; max-height: 5; }
    HomeView.-tall Counters { height: 4; }
    HomeView.-tall #upper { height: 9; }
    HomeView.-tall #throughput { height: 8; }
    HomeView.-tall #attention { max-height: 100%; }
    HomeView.-wide #lower { layout: horizontal; }
    HomeView.-wide #jobs { width: 4fr; height: 100%; margin-right: 1; }
    HomeView.-wide #side { width: 3fr; height: 100%; max-height: 100%; }
    HomeView.-wide #attention { max-height: 100%; }
    HomeView.-wide.-tall Counters { height: 6; }
    """

    _is_well = False
    """nothing needs attention"""

    # -- what it is made of ------------------------------------------------------------------------------------------
    def body(self) -> ComposeResult:
        """Counters; throughput and hosts; queues and workers; jobs, deployments and attention."""
        ascii = self.session.settings.ascii
        yield Counters(ascii, id="counters")
        with Horizontal(id="upper"):
            yield Throughput(ascii, id="throughput")
            yield PanelTable(_host_columns(self.session.host, ascii), id="hosts", ascii=ascii, marks=False)
        with Horizontal(id="middle"):
            yield PanelTable(_queue_columns(ascii), id="queues", ascii=ascii, marks=False, empty="No queue yet: a adds one")
            yield PanelTable(_pool_columns(ascii, self.session.is_aws), id="pools", ascii=ascii, marks=False, empty="No cluster yet")
        with Vertical(id="lower"):
            yield PanelTable(_job_columns(ascii), id="jobs", ascii=ascii, marks=False, empty="")
            with Vertical(id="side"):
                yield PanelTable(_deployment_columns(), id="deployments", ascii=ascii, marks=False)
                yield PanelTable(
                    _attention_columns("Attention"),
                    id="attention",
                    ascii=ascii,
                    marks=False,
                    empty="",
                )

    # -- reading and showing -----------------------------------------------------------------------------------------
    def load(self, host: HostView) -> Dashboard:
        """One look at everything."""
        overview = monitoring.overview(host)
        rates = formats.busy_times(overview.rates or tuple(self.session.history.rates))
        return Dashboard(overview, monitoring.hosts_now(), rates, tuple(deployments.running(host)), self.session.region)

    def show(self, data: Dashboard) -> None:
        """Each panel, which paints what differs."""
        overview = data.overview
        self.query_one(Counters).set_counts(overview.counts)
        self._show_throughput(data)
        self._panel("hosts").set_rows(data.hosts)
        self._panel("queues").set_rows(overview.queues)
        self._fit_middle()
        pools = [pool for pool in overview.pools if data.region in (None, pool.region)]
        self._panel("pools").set_rows(pools, lambda pool: (pool.region, pool.cluster))
        self._panel("jobs").empty = self.session.reading() or "No job yet: s submits one"
        self._panel("jobs").set_source(ListRows[JobLine](overview.newest, lambda job: job.id), follow_top=True, keep=True)
        self._grow("deployments", data.deployments, lambda one: one.number, hide=True)
        self._show_attention(overview.attention)

    def on_resize(self) -> None:
        """Texts break at other places, and there is room for other numbers of rows."""
        if self.has_data:
            self.call_after_refresh(self._fit)

    def _fit(self) -> None:
        self._fit_middle()
        self._show_attention(self._data.overview.attention)

    def _fit_middle(self) -> None:
        """Queues and workers: as high as they are, up to a quarter of a tall screen; three rows of a low one."""
        rows = max(3, len(self._data.overview.queues), len(self._data.overview.pools))
        height = 4 if self.size.height < TALL else min(2 + rows, self.size.height // 4)
        middle = self.query_one("#middle")
        if middle.styles.height is None or middle.styles.height.value != height:
            middle.styles.height = height

    def _show_attention(self, found: tuple[Attention, ...]) -> None:
        """What, why and the command of each, in as many lines as that takes; in one and one where there is little room."""
        ascii, attention = self.session.settings.ascii, self._panel("attention")
        attention.empty = "nothing" if ascii else "✓ nothing"
        room = max(20, attention.line_width - GUTTER) if self.has_class("-wide") else 0
        lines = [
            Line(about, (at, number), text, remedy)
            for at, about in enumerate(found)
            for number, (text, remedy) in enumerate(formats.attention_lines(about, room, ascii))
        ]
        title = f"Attention {len(found)}" if found else "Attention"
        if self._is_well == bool(found):
            self._is_well = not found
            self.refresh_bindings()
        if attention.columns[0].title != title:
            attention.set_columns(_attention_columns(title))
        self._grow("attention", lines, lambda line: line.key)

    def _show_throughput(self, data: Dashboard) -> None:
        open_tasks = data.overview.counts[WAITING] + data.overview.counts[RUNNING]
        speed = steady(data.rates)
        note = f"~{formats.rough(open_tasks / speed)} left" if open_tasks and speed else ""
        self.query_one(Throughput).set_values(data.rates, data.rates[-1] if data.rates else 0.0, note)

    def _panel(self, name: str) -> PanelTable[Any]:
        found: PanelTable[Any] = self.query_one(f"#{name}", PanelTable)
        return found

    def _grow(self, name: str, rows: Any, key: Any, hide: bool = False) -> None:
        """Rows into a panel that is as high as they are."""
        panel = self._panel(name)
        height = 1 + max(1, len(rows))
        if panel.styles.height is None or panel.styles.height.value != height:
            panel.styles.height = height
        if hide and panel.display != bool(rows):
            panel.display = bool(rows)
        panel.set_rows(rows, key)

    # -- what is under the cursor ------------------------------------------------------------------------------------
    def twin(self) -> str:
        """The command about what is under the cursor."""
        panel = self.focused
        record = panel.current if isinstance(panel, PanelTable) else None
        return twin_of(record) or "hyper hosts status"

    def on_descendant_focus(self) -> None:
        """Another panel: another command."""
        self.update_frame()

    def on_row_table_highlighted(self, event: RowTable.Highlighted) -> None:
        """Another row: another command."""
        self.update_frame()

    def on_row_table_opened(self, event: RowTable.Opened) -> None:
        """Go to what the row is about."""
        record = event.record
        if isinstance(record, HostNow) and record.name != self.session.host:
            self.cyclone.switch_host(record.name)
        else:
            self.cyclone.open(place_of(record))

    # -- actions -----------------------------------------------------------------------------------------------------
    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There is no way back from where everything begins, and nothing to fix where all is well."""
        if action == "remedy" and self._is_well:
            return False
        if action == "back" and self.is_attached and len(self.cyclone.views) == 1:
            return False
        return super().check_action(action, parameters)

    def action_submit(self) -> None:
        """The form, for the queue under the cursor."""
        record = self._panel("queues").current if self._panel("queues").has_focus else None
        self.cyclone.open(f"submit queue={quote(record.name)}" if record is not None else "submit")

    def action_add(self) -> None:
        """The wizard."""
        self.cyclone.open(
            "new cluster" if self._panel("pools").has_focus else "new host" if self._panel("hosts").has_focus else "new queue"
        )

    def action_panel(self, name: str) -> None:
        """Give a panel the focus."""
        self._panel(name).focus()

    def action_usage(self) -> None:
        """What work used."""
        self.cyclone.open("usage")

    def action_logs(self) -> None:
        """Output of the job under the cursor."""
        job = self._panel("jobs").current
        if job is not None:
            self.cyclone.open(f"log {job.id}")

    @background(exclusive=True)
    async def action_remedy(self) -> None:
        """Do what helps against what needs attention, where one step does; else copy the command."""
        line = self._panel("attention").current
        if line is None:
            self.cyclone.tell("nothing needs attention")
            return
        about: Attention = line.about
        kind, name = about.subject
        from cyclone_core.operations import hosts  # with the models of resources, for which the first paint does not wait

        if about.remedy.startswith("hyper hosts start "):
            if await self.confirm(f"Start the host {name}?", about.why, about.remedy):
                await self.attempt(lambda _: hosts.start(hosts.get(name)), done=f"host {name} runs")
        elif kind == "queue" and "--no-paused" in about.remedy:
            if await self.confirm(f"Let the queue {name} go on?", about.what, about.remedy):
                await self.attempt(unpause, name, done=f"queue {name} goes on")
        elif about.remedy:
            self.cyclone.copy(about.remedy, "the command that helps")


def unpause(host: HostView, queue: str) -> None:
    """Let a queue start its tasks again. Raises InvalidRequest or what the supervisor refuses."""
    from cyclone_core.operations import resources

    found = resources.for_selected(host.name)
    for event in found.apply(found.propose_put("queue", {"name": queue, "paused": False}, "update")):
        if event.phase == "FAILED":
            raise CycloneError(
                f"the queue {queue} cannot be changed: {event.text}. Try again, or see hyper queues list-queues --name {queue}"
            )


def steady(rates: tuple[float, ...]) -> float:
    """Tasks per second over the last looks: steadier than the last one alone, and nothing of a burst that is over."""
    last = sorted(rates[-5:])
    return last[(len(last) - 1) // 2] if last and rates[-1] else 0.0


def twin_of(record: object) -> str:
    """The command line about a row of any panel, "" for none."""
    match record:
        case JobLine():
            return f"qstat -i {record.id}"
        case QueueNow():
            return f"qstat -q {quote(record.name)}"
        case Pool():
            return f"hyper workers list-workers --cluster {quote(record.cluster)}"
        case HostNow():
            return f"hyper hosts status {quote(record.name)}" if record.selected else f"hyper hosts select-host {quote(record.name)}"
        case Deployment():
            return f"hyper deployments attach {record.number}"
        case Line():
            return record.about.remedy
    return ""


def place_of(record: object) -> str:
    """The view, as `:` takes it, that a row of any panel opens."""
    match record:
        case JobLine():
            return f"job {record.id}"
        case QueueNow():
            return f"jobs queue={quote(record.name)}"
        case Pool():
            return f"workers cluster={quote(record.cluster)} region={quote(record.region)}"
        case Deployment():
            return f"deployment {record.number}"
        case Line():
            return formats.place_of(record.about.subject)
    return "hosts"


def _bar_column(key: str, title: str, bar: Any, ascii: bool, width: int = 0, priority: int = 0) -> Column[Any]:
    return Column(key, title, lambda record: "", width, least=6, priority=priority, parts=lambda record, room: bar(record, room, ascii))


def _host_columns(shown: str, ascii: bool) -> tuple[Column[HostNow], ...]:
    return (
        Column("name", "Hosts", lambda host: formats.host_text(host, shown, ascii)),
        Column(
            "health", "", lambda host: formats.health_text(host.health, ascii), 15,
            style=lambda host: formats.HEALTH_STYLES.get(host.health, ""),
        ),
        Column("type", "Type", lambda host: host.type, 5, style=lambda host: "muted", priority=1),
    )  # fmt: skip


def _queue_columns(ascii: bool) -> tuple[Column[QueueNow], ...]:
    def number(key: str, state: int, style: str, priority: int) -> Column[QueueNow]:
        title = formatters.glyph(state, ascii)
        return Column(
            key, title, lambda queue: formatters.short_count(queue.counts[state]), 6, "right",
            lambda queue: style if queue.counts[state] else "muted", priority=priority,
        )  # fmt: skip

    return (
        Column("name", "Queues", lambda queue: queue.name, least=10, style=lambda queue: "cancelled" if queue.paused else ""),
        _bar_column("bar", "", formats.queue_bar, ascii),
        number("running", RUNNING, "running", 0),
        number("waiting", WAITING, "", 0),
        number("ok", SUCCESSFUL, "ok", 2),
        number("failed", FAILED, "failed", 1),
    )


def _pool_columns(ascii: bool, is_aws: bool) -> tuple[Column[Pool], ...]:
    def place(pool: Pool, room: int) -> Sequence[Part]:
        region = f"{pool.region}/"
        return ((fit(region, min(room, len(region))), "muted"), (fit(pool.cluster, max(0, room - len(region))), ""))

    return (
        Column("place", "Workers", lambda pool: f"{pool.region}/{pool.cluster}", least=13, parts=place),
        Column("workers", "#", formats.workers_of, 5 if is_aws else 2, "right", lambda pool: "" if pool.workers else "muted", priority=1),
        _bar_column("bar", "", formats.pool_bar, ascii, priority=2),
        Column("vcpus", "vCPUs", formats.vcpus, 6, "right"),
    )


def _job_columns(ascii: bool) -> tuple[Column[JobLine], ...]:
    return (
        Column("id", "Jobs", lambda job: str(job.id), 7),
        Column("name", "Name", lambda job: job.name, least=8),
        Column("queue", "Queue", lambda job: job.queue, 8, style=lambda job: "muted", priority=2),
        Column(
            "status", "", lambda job: formatters.state_text(job.status, ascii), 12,
            style=lambda job: formatters.STATE_STYLES[job.status],
        ),
        _bar_column("bar", "", formats.job_bar, ascii, 8, 1),
        Column("tasks", "Tasks", lambda job: formatters.short_count(job.tasks), 5, "right", lambda job: "" if job.tasks > 1 else "muted"),
        Column("submitted", "At", lambda job: formats.brief(job.submitted), 8, "right", lambda job: "muted", priority=3),
    )  # fmt: skip


def _deployment_columns() -> tuple[Column[Deployment], ...]:
    return (
        Column("number", "Deployments", lambda one: str(one.number), 11),
        Column("what", "What", lambda one: one.what),
        Column("state", "", lambda one: one.state, 12, style=lambda one: "running"),
        Column("since", "Since", lambda one: formatters.moment(one.started), 11, "right", lambda one: "muted", priority=1),
    )


def _attention_columns(title: str) -> tuple[Column[Line], ...]:
    def style(line: Line) -> str:
        return "running" if line.remedy else "error" if line.about.level == "error" else "cancelled"

    return (Column("text", title, lambda line: line.text, style=style),)
