"""Workers per region and cluster: what each runs now, its CPU and memory, and when it was last heard.

CPU use is what happened between two looks, so it is there from the second one on.
"""

from dataclasses import dataclass, replace
from shlex import quote
from typing import Any

from textual.app import ComposeResult

from cyclone_core.operations import leaving, monitoring
from cyclone_core.operations.leaving import Wanted
from cyclone_core.operations.monitoring import Pool, WorkerView
from cyclone_core.operations.queries import HostView
from cyclone_tui import formatters
from cyclone_tui import monitoring_formats as formats
from cyclone_tui.actions import Action, bound
from cyclone_tui.screens.base import background
from cyclone_tui.screens.filtered import FilteredView
from cyclone_tui.screens.modals import Choose
from cyclone_tui.widgets.filter_line import FilterLine
from cyclone_tui.widgets.panel_table import PanelTable
from cyclone_tui.widgets.row_table import Column, RowTable

SECOND_LOOK_S = 0.5
"""The second look comes this soon, for the CPU column."""
_MOST_POOLS = 6


@dataclass(frozen=True)
class WorkerRow:
    """One line: a worker, and how busy it was between the last two looks (per cent of a core, None: not known yet)."""

    worker: WorkerView
    cpu: int | None


@dataclass(frozen=True)
class Shown:
    """Everything that the view shows."""

    rows: tuple[WorkerRow, ...]
    pools: tuple[Pool, ...]


class WorkersView(FilteredView):
    """`:workers [CLUSTER] [region=…]`."""

    NAME = "workers"
    ACTIONS = (
        Action("workers.cluster", "c", "choose_cluster", "Cluster", "show one cluster only", looks=True),
        Action("workers.logs", "l", "logs", "Log", "output of the task that it runs", twin="qlog -i ID"),
        Action("workers.describe", "d", "describe", "Describe", "the worker's cluster", twin="hyper clusters list-clusters --name NAME"),
        Action("workers.drain", "x", "drain", "Drain", "ask it to leave: what runs ends, nothing more is begun",
               twin="hyper workers drain WORKER", writes=True, danger=True),
        Action("workers.events", "E", "events", "Events", "what happened to workers and host", twin="hyper events list-events"),
    )  # fmt: skip
    BINDINGS = bound(ACTIONS)
    FILTERED = ("worker", "region", "cluster", "definition", "instance", "state", "task", "job", "cpu", "memory")
    FROM_AWS = ("jobs",)
    DEFAULT_CSS = """
    WorkersView #pools { height: 2; margin-bottom: 1; }
    WorkersView #rows { height: 1fr; }
    """

    def __init__(self, arguments: Any = None) -> None:
        super().__init__(arguments)
        self.cluster: str | None = self.arguments.get("cluster") or None
        self._before: dict[tuple[str, str], WorkerView] = {}
        self._looks = 0

    def crumb(self) -> str:
        """With the cluster, where there is one only."""
        return " ".join(filter(None, ("workers", self.cluster, self.filter_text and f"/{self.filter_text}")))

    def twin(self) -> str:
        """The list."""
        return "hyper workers list-workers" + (f" --cluster {quote(self.cluster)}" if self.cluster else "")

    def body(self) -> ComposeResult:
        """A line per region and cluster, a line per worker."""
        ascii = self.session.settings.ascii
        yield FilterLine()
        yield PanelTable(pool_columns(ascii), id="pools", ascii=ascii, marks=False, empty="No cluster yet: :new cluster makes one")
        columns = far_columns(ascii) if self.session.is_aws else worker_columns(ascii)
        yield RowTable(columns, id="rows", ascii=ascii, marks=False, empty="")

    # -- reading and showing -----------------------------------------------------------------------------------------
    def load(self, host: HostView) -> Shown:
        """The workers, compared with the look before."""
        found = monitoring.workers(host)
        rows = tuple(self._row(one) for one in found if self._is_shown(one.region, one.cluster))
        self._before = {(one.region, one.id): one for one in found}
        pools = tuple(pool for pool in monitoring.pools(host) if self.session.region in (None, pool.region))
        return Shown(rows, pools)

    def _row(self, worker: WorkerView) -> WorkerRow:
        percent = monitoring.cpu_percent(self._before.get((worker.region, worker.id)), worker)
        return WorkerRow(replace(worker, cpu_s=0.0, cores=None, at=0.0), None if percent is None else round(percent))

    def _is_shown(self, region: str, cluster: str) -> bool:
        wanted = self.session.region or self.arguments.get("region") or None
        return self.cluster in (None, cluster) and wanted in (None, region)

    def show(self, data: Shown) -> None:
        """Both tables."""
        pools = self.query_one("#pools", PanelTable)
        height = 1 + min(_MOST_POOLS, max(1, len(data.pools)))
        if pools.styles.height is None or pools.styles.height.value != height:
            pools.styles.height = height
        pools.set_rows(data.pools, lambda pool: (pool.region, pool.cluster))
        self.show_rows()
        self._looks += 1
        if self._looks == 1 and data.rows and not self.session.is_aws:
            self.set_timer(SECOND_LOOK_S, self.refresh_data)

    def show_rows(self) -> None:
        """The workers that fit."""
        self.table.empty = "Nothing fits. Esc takes the filter away" if self._data.rows else self._nobody()
        rows = [row for row in self._data.rows if self.fits(cells(row))]
        self.table.set_rows(rows, lambda row: (row.worker.region, row.worker.id))

    def _nobody(self) -> str:
        why = next((pool.why for pool in self._data.pools if pool.why and self._is_shown(pool.region, pool.cluster)), "")
        return f"No worker now: {why or 'they start with the first task that waits'}"

    # -- actions -----------------------------------------------------------------------------------------------------
    @property
    def current(self) -> WorkerView | None:
        """The worker under the cursor."""
        row = self.table.current
        return row.worker if row is not None else None

    def on_row_table_opened(self, event: RowTable.Opened) -> None:
        """A cluster: its workers only, or all again; a worker: the job that it works on."""
        if isinstance(event.record, Pool):
            self.show_cluster(None if self.cluster == event.record.cluster else event.record.cluster)
            return
        worker: WorkerView = event.record.worker
        task = worker.tasks[0].id if worker.tasks else str(worker.jobs[0]) if worker.jobs else ""
        if task:
            self.cyclone.open(f"job {task}")
        else:
            self.cyclone.tell(f"worker {worker.id} has nothing to do")

    def show_cluster(self, cluster: str | None) -> None:
        """Only this cluster's workers from now on; None: all."""
        self.cluster = cluster
        self.update_frame()
        self.refresh_data()

    @background(exclusive=True)
    async def action_choose_cluster(self) -> None:
        """Which cluster's workers to show."""
        names = await self.call(lambda host: host.reader.resource_names("cluster"))
        choices = [("", "all clusters"), *((name, name) for name in names)]
        found = await self.app.push_screen_wait(Choose("Workers of which cluster?", choices, self.cluster or ""))
        if found is not None:
            self.show_cluster(found or None)

    def action_logs(self) -> None:
        """Output of the task that has run longest on it."""
        worker = self.current
        if worker is not None and worker.tasks:
            self.cyclone.open(f"log {worker.tasks[0].id}")
        else:
            self.cyclone.tell("no task of it has run long enough to be seen")

    def action_describe(self) -> None:
        """Its cluster."""
        worker = self.current
        if worker is not None:
            self.cyclone.open(f"describe cluster {quote(worker.cluster)}")

    @background
    async def action_drain(self) -> None:
        """Ask the worker under the cursor to leave, or the machine whose slots it has."""
        worker = self.current
        if worker is None:
            return
        if not self.session.is_aws:
            self.cyclone.tell(f"{leaving.LOCAL}. {leaving.LOCAL_REMEDY}")
            return
        machine, found = leaving.of_machine(worker.id), f"worker {formatters.worker(worker.id)}"
        wanted = Wanted(() if machine else (worker.id,), (machine,) if machine else (), worker.cluster, worker.region)
        who = f"--machine {quote(machine)}" if machine else quote(worker.id)
        again = " A machine that joined comes again when its program is started again." if machine else ""
        if await self.confirm(
            f"Ask {f'machine {machine}, with all of its slots,' if machine else found} to leave?",
            f"It hears so within a minute, takes nothing more, and goes when what runs has ended. Where tasks wait, others come.{again}",
            f"hyper workers drain {who} --cluster {quote(worker.cluster)} --region {quote(worker.region)}",
        ):
            await self.attempt(leaving.ask_to_leave, wanted, done=formats.drained)

    def action_events(self) -> None:
        """What happened."""
        self.cyclone.open("events")


def cells(row: WorkerRow) -> dict[str, str]:
    """What a filter may ask of a worker; CPU in per cent of a core, memory in MiB."""
    worker = row.worker
    return {
        "worker": worker.id, "region": worker.region, "cluster": worker.cluster, "definition": worker.definition,
        "instance": worker.instance, "state": worker.state, "task": formats.task_now(worker),
        "job": " ".join(map(str, worker.jobs)), "cpu": str(row.cpu or 0), "memory": str(worker.memory_mib),
    }  # fmt: skip


def pool_columns(ascii: bool) -> tuple[Column[Pool], ...]:
    """A cluster in a region: its workers, and how full it is."""
    return (
        Column("region", "Region", lambda pool: pool.region, 14, style=lambda pool: "muted"),
        Column("cluster", "Cluster", lambda pool: pool.cluster, 16),
        Column("workers", "Workers", formats.workers_of, 7, "right"),
        Column("bar", "vCPUs in use", formats.vcpus, parts=lambda pool, room: formats.pool_bar(pool, room, ascii)),
        Column("vcpus", "", formats.vcpus, 9, "right"),
    )


def far_columns(ascii: bool) -> tuple[Column[WorkerRow], ...]:
    """What workers of an AWS host tell of themselves, each minute."""

    def muted(row: WorkerRow) -> str:
        return "muted"

    return (
        Column("id", "Worker", lambda row: formatters.worker(row.worker.id), 11, sort="id", value=lambda row: row.worker.id),
        Column("region", "Region", lambda row: row.worker.region, 14, style=muted, sort="region"),
        Column("cluster", "Cluster", lambda row: row.worker.cluster, 10, sort="cluster", priority=3),
        Column("definition", "Definition", lambda row: row.worker.definition, 12, sort="definition", priority=4),
        Column("state", "State", lambda row: formats.worker_state(row.worker, ascii), 10, sort="state",
               style=lambda row: formats.WORKER_STYLES.get(row.worker.state, "")),
        Column("slots", "Slots", lambda row: formats.slots(row.worker), 6, "right", sort="slots", value=lambda row: row.worker.slots,
               style=lambda row: "number", priority=4),
        Column("task", "Task now", lambda row: formats.task_now(row.worker, ascii), sort="task", least=10),
        Column("done", "Done", lambda row: formatters.short_count(row.worker.done), 5, "right", sort="done",
               value=lambda row: row.worker.done, priority=5),
        Column("cpu", "CPU %", lambda row: "" if row.cpu is None else str(row.cpu), 5, "right", sort="cpu", value=lambda row: row.cpu,
               priority=1),
        Column("memory", "Memory", lambda row: formatters.size(row.worker.memory_mib * 2**20), 8, "right", sort="memory",
               value=lambda row: row.worker.memory_mib, style=lambda row: "number", priority=2),
        Column("heard", "Heard", lambda row: formats.heard_text(row.worker), 8, sort="heard", value=lambda row: row.worker.heard,
               style=lambda row: "failed" if row.worker.state == "gone" else "ok"),
        Column("instance", "Instance", lambda row: row.worker.instance, 19, style=muted, sort="instance", priority=6),
        Column("started", "Started", lambda row: formats.brief(row.worker.started), 8, style=muted, sort="started",
               value=lambda row: row.worker.started, priority=7),
    )  # fmt: skip


def worker_columns(ascii: bool) -> tuple[Column[WorkerRow], ...]:
    """What is told of a worker; what matters least gives way first."""

    def muted(row: WorkerRow) -> str:
        return "muted"

    def started(row: WorkerRow) -> float | None:
        return row.worker.tasks[0].since if row.worker.tasks else None

    return (
        Column("id", "Worker", lambda row: row.worker.id, 6, "right", sort="id", value=lambda row: int(row.worker.id)),
        Column("region", "Region", lambda row: row.worker.region, 12, style=muted, sort="region", priority=6),
        Column("cluster", "Cluster", lambda row: row.worker.cluster, 9, sort="cluster", priority=3),
        Column("state", "State", lambda row: formats.worker_state(row.worker, ascii), 10, sort="state",
               style=lambda row: formats.WORKER_STYLES.get(row.worker.state, "")),
        Column("task", "Task now", lambda row: formats.task_now(row.worker, ascii), sort="task", least=12),
        Column("since", "Since", lambda row: formats.brief(started(row)), 8, style=muted, sort="since", value=started, priority=1),
        Column("ahead", "Ahead", lambda row: formatters.short_count(row.worker.ahead), 5, "right", sort="ahead",
               value=lambda row: row.worker.ahead, priority=5),
        Column("cpu", "CPU %", lambda row: "" if row.cpu is None else str(row.cpu), 5, "right", sort="cpu", value=lambda row: row.cpu),
        Column("load", "", lambda row: "", 10, priority=9, parts=lambda row, room: formats.cpu_bar(row.worker, row.cpu, room, ascii)),
        Column("memory", "Memory", lambda row: formatters.size(row.worker.memory_mib * 2**20), 8, "right", sort="memory",
               value=lambda row: row.worker.memory_mib, style=lambda row: "number"),
        Column("heard", "Heartbeat", lambda row: formats.heard_text(row.worker), 9, sort="heard", value=lambda row: row.worker.heard,
               style=lambda row: "ok" if row.worker.connected else "cancelled", priority=2),
        Column("started", "Started", lambda row: formats.brief(row.worker.started), 8, style=muted, sort="started",
               value=lambda row: row.worker.started, priority=7),
        Column("pid", "Process", lambda row: str(row.worker.pid or ""), 8, "right", style=muted, priority=8),
    )  # fmt: skip
