"""What a journal says about the leases of a worker that is gone or was out of touch."""

from cyclone_core.journal import End, Start, frames, journal_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from cyclone_core.journal import Row
    from cyclone_core.ports import Range
    from cyclone_core.scheduler.sqlite.store import SqliteStore
    from cyclone_core.scheduler.sqlite.work import Lease


class Evidence:
    """What ended under a lease, and what had begun and has no end: `started` maps (job, position) to its start in us."""

    __slots__ = ("rows", "started")

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.started: dict[tuple[int, int], int] = {}


def read(state_dir: str, leases: "Iterable[Lease]") -> "dict[int, Evidence]":
    """Evidence per lease, for leases of one journal. A missing journal is an empty one."""
    found = {lease.id: Evidence() for lease in leases}
    if not found:
        return found
    first = next(iter(leases))
    try:
        for frame in frames(journal_path(state_dir, first.journal), min(lease.journal_at for lease in leases)):
            evidence = found.get(frame.lease)
            if evidence is None:
                continue
            if isinstance(frame, Start):
                evidence.started[frame.job, frame.position] = frame.start_us
            elif isinstance(frame, End):
                evidence.rows.append(frame.row())
                evidence.started.pop((frame.job, frame.position), None)
    except FileNotFoundError:
        pass
    return found


def settle(
    store: "SqliteStore", state_dir: str, leases: "list[Lease]", now: float, counted: bool = True, reason: str = "its worker died"
) -> "list[Range]":
    """The worker of these leases (all of one journal) is gone: record what its journal proves, put the rest back."""
    back: list[Range] = []
    for number, evidence in read(state_dir, leases).items():
        back += store.report(number, evidence.rows, {}, now)
        back += store.lose(number, evidence.started, now, counted, reason)
    return back


def catch_up(store: "SqliteStore", state_dir: str, leases: "list[Lease]", runs: "set[tuple[int, int, int]]", now: float) -> "list[Range]":
    """A worker is back that was out of touch: record what it finished meanwhile, take back what it has not begun.

    runs: (lease, job, position) of the tasks it still runs; they stay leased.
    """
    back: list[Range] = []
    for number, evidence in read(state_dir, leases).items():
        back += store.report(number, evidence.rows, {}, now)
        lease = store.leases.get(number)
        if lease is not None:
            untouched = [(job, position, position) for job, position in lease.tasks if (number, job, position) not in runs]
            back += store.give_back(number, untouched, now)
    return back
