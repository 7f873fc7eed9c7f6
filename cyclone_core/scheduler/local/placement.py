"""Who gets how much of a cluster: streams, shares, slice sizes. Decisions only; no I/O, no clock of its own.

A *lane* is a (cluster, definition). A *stream* is a worker's share of the cluster for one lane: `width` tasks of it run there
at once, fed with leases one after the other until nothing is left for it. Slices adapt to how long tasks take: a slice is about a
quarter of a second of work, so short tasks share a transaction by the hundreds, and long ones are leased one by one, when they
can start.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FAST_S, SLOW_S = 0.1, 0.4
"""A lease that is worked off faster doubles its lane's slices; one that takes longer halves them."""
LARGEST_SLICE = 256
"""Tasks of one lease at most: what a crash may have to sort out, and what a worker may hold."""
PATIENCE_S = 30.0
"""So long later jobs may fill gaps in front of one that does not fit yet."""


class Shape:
    """What one task takes of a cluster."""

    __slots__ = ("memory_mib", "vcpus")

    def __init__(self, vcpus: float, memory_mib: int) -> None:
        self.vcpus, self.memory_mib = vcpus, memory_mib

    @classmethod
    def of(cls, definition: "dict[str, Any]") -> "Shape":
        """The shape of a definition's tasks."""
        return cls(definition.get("vcpus") or 1, definition.get("memory_limit_mib") or 0)


class Share:
    """What of a cluster is free: vCPUs, and memory where the cluster has a limit."""

    __slots__ = ("max_memory_mib", "max_vcpus", "memory_mib", "vcpus")

    def __init__(self, max_vcpus: float, max_memory_mib: int) -> None:
        self.max_vcpus, self.max_memory_mib = max_vcpus, max_memory_mib
        self.vcpus, self.memory_mib = max_vcpus, max_memory_mib

    def resize(self, max_vcpus: float, max_memory_mib: int) -> None:
        """The cluster was updated: what runs keeps its share, what is free may become negative."""
        self.vcpus += max_vcpus - self.max_vcpus
        self.memory_mib += max_memory_mib - self.max_memory_mib
        self.max_vcpus, self.max_memory_mib = max_vcpus, max_memory_mib

    def fits(self, shape: Shape, extra: "tuple[float, int]" = (0, 0)) -> int:
        """How many tasks of a shape fit into what is free plus `extra`."""
        count = int((self.vcpus + extra[0]) / shape.vcpus + 1e-9)
        if self.max_memory_mib and shape.memory_mib:
            count = min(count, (self.memory_mib + extra[1]) // shape.memory_mib)
        return max(0, count)

    def is_overdrawn(self) -> bool:
        """Whether more runs than the cluster has since it became smaller: nothing is given until enough has ended."""
        return self.vcpus < -1e-9 or (self.max_memory_mib > 0 and self.memory_mib < 0)

    def take(self, shape: Shape, count: int) -> None:
        """Reserve for `count` tasks (negative: give back)."""
        self.vcpus -= shape.vcpus * count
        self.memory_mib -= shape.memory_mib * count


class Lane:
    """(cluster, definition) with the slice size that suits its tasks."""

    __slots__ = ("cluster", "definition", "shape", "slice", "width")

    def __init__(self, cluster: str, definition: str, shape: Shape) -> None:
        self.cluster, self.definition, self.shape = cluster, definition, shape
        self.slice = 1
        self.width = 0
        """tasks that its streams may run at once, over all workers"""

    def learn(self, took_s: float, tasks: int) -> None:
        """A lease of so many tasks was worked off in so many seconds."""
        if took_s < FAST_S and tasks >= self.slice:
            self.slice = min(LARGEST_SLICE, self.slice * 2)
        elif took_s > SLOW_S:
            self.slice = max(1, self.slice // 2)

    def slow_down(self) -> None:
        """A worker gave untouched tasks back: its tasks are longer than thought."""
        self.slice = 1


class Stream:
    """A worker's share of a lane."""

    __slots__ = ("id", "lane", "leases", "outstanding", "width", "worker")

    def __init__(self, number: int, worker: int, lane: Lane, width: int) -> None:
        self.id, self.worker, self.lane, self.width = number, worker, lane, width
        self.leases: dict[int, tuple[float, int]] = {}
        """lease -> (when it was given, how many tasks)"""
        self.outstanding = 0

    def wants(self) -> int:
        """How many tasks it should be given now. Long tasks: as many as can start. Short ones: a slice ahead of what runs."""
        if self.lane.slice <= self.width:
            return max(0, self.width - self.outstanding)
        return self.lane.slice if len(self.leases) < 2 else max(0, self.width - self.outstanding)

    def begin(self, lease: int, tasks: int, now: float) -> None:
        """A lease was given."""
        self.leases[lease] = (now, tasks)
        self.outstanding += tasks

    def ended(self, lease: int, tasks: int, left: int, now: float) -> None:
        """Tasks of a lease ended or came back; `left` of it are outstanding."""
        self.outstanding -= tasks
        if not left:
            begun, size = self.leases.pop(lease)
            ahead = 2 if self.leases else 1
            self.lane.learn((now - begun) / ahead, size)


def workers_of(max_vcpus: float) -> int:
    """How many worker processes a cluster is spread over: two keep up with short tasks, each looks after about eight vCPUs."""
    return max(1, min(int(max_vcpus), max(2, -(-int(max_vcpus) // 8))))


def even_share(waiting: int, width: int) -> int:
    """Largest slice near the end of a lane's work: half of what each of its `width` places would get, so that all end together."""
    return max(1, -(-waiting // (2 * max(1, width))))


def lane_limit(open_tasks: int, ratio: float) -> int:
    """Tasks of a lane that may run at once by the definition's jobs-to-workers ratio: one worker for each `ratio` tasks."""
    return max(1, -(-open_tasks // max(1, int(ratio))))
