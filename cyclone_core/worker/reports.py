"""What is to be told to the supervisor, and when: results wait a little for company, never when somebody waits for them."""

from time import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cyclone_core.journal import Row
    from cyclone_core.worker.tasks import Lease

REPORT_S = 0.25
"""A result waits at most this long for others to be reported with."""
_RETRY_S = 1.0  # until the next attempt when the journal cannot be synced


class Reports:
    """Leases with something to report; `due` is when (monotonic seconds), 0 when there is nothing."""

    __slots__ = ("dirty", "due")

    def __init__(self) -> None:
        self.dirty: dict[int, Lease] = {}
        self.due = 0.0

    def touch(self, lease: "Lease") -> None:
        """A lease has something to report; one that is finished is reported at once."""
        self.dirty[lease.id] = lease
        if not lease.left:
            self.hurry()
        elif not self.due:
            self.due = monotonic() + REPORT_S

    def hurry(self) -> None:
        """Report what there is in this turn."""
        if self.dirty:
            self.due = monotonic()

    def wait(self) -> None:
        """The journal is not durable now: later."""
        self.due = monotonic() + _RETRY_S

    def take(self) -> "list[tuple[int, list[Row], list[tuple[int, int, int]], dict[tuple[int, int], str]]]":
        """(lease, rows, given back, reasons) of each, which counts as told from now on."""
        told = []
        for lease in self.dirty.values():
            told.append((lease.id, lease.rows, lease.returned, lease.reasons))
            lease.rows, lease.returned, lease.reasons = [], [], {}
        self.dirty.clear()
        self.due = 0.0
        return told
