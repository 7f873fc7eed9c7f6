"""Looking through a host's jobs, however many there are: what a list is asked for, what it answers, and the door to each kind of host.

A browser keeps one list: its length, the records of the rows that were looked at last, and numbers by state. It reads in the background
and calls `on_news` (from a thread of its own) when something arrived. `window` answers at once with what is there.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from cyclone_core.jobs import STATES
from cyclone_core.operations.queries import HostView
from cyclone_core.operations.row_lists import Key
from cyclone_core.scheduler.filters import EVERYTHING, Filter
from cyclone_core.scheduler.job_terms import NEWEST_FIRST, Compare, OneOf, Order, Term
from cyclone_core.views import Job, Task

if TYPE_CHECKING:
    from cyclone_core.scheduler.sqlite.job_index import JobIndex

__all__ = ["EVERYTHING", "NEWEST_FIRST", "Filter", "JobBrowser", "Key", "Listing", "Order", "Row", "State", "open_browser"]


class Row:
    """One row: a job, or one task of an array together with its job."""

    __slots__ = ("job", "key", "task")

    def __init__(self, key: Key, job: Job, task: Task | None = None) -> None:
        self.key, self.job, self.task = key, job, task

    @property
    def id(self) -> str:
        """`1234`, or `1234--7` for a task."""
        return self.task.id if self.task else str(self.job.id)

    @property
    def status(self) -> int:
        """Index in `jobs.STATES`."""
        return self.task.status if self.task else self.job.status

    @property
    def is_array(self) -> bool:
        """Whether the row stands for several tasks."""
        return self.job.array and self.task is None


@dataclass(frozen=True)
class Listing:
    """Which list: a filter, states on top of it (the tab), an order; grouped: a row per job, else one per task."""

    filter: Filter = EVERYTHING
    states: tuple[int, ...] = ()
    """indices in `jobs.STATES`; (): all"""
    order: Order = NEWEST_FIRST
    grouped: bool = True

    @property
    def plain(self) -> bool:
        """Whether every job is in it, newest first or oldest first."""
        return not self.filter and not self.states and self.order.column == "id"

    def job_terms(self) -> tuple[Term, ...]:
        """What must hold for a job in this list."""
        if self.grouped:
            chosen = tuple(STATES[state] for state in self.states)
            return (*self.filter.terms, *((OneOf("status", chosen),) if chosen else ()))
        states = self.task_states()
        return (*self.terms_of_all(), *((Compare(STATES[states[0]].lower(), ">", 0),) if len(states) == 1 else ()))

    def terms_of_all(self) -> tuple[Term, ...]:
        """The same without the tab: what numbers by state are counted over."""
        return self.filter.terms if self.grouped else self.filter.with_values("status", ()).terms

    def task_states(self) -> tuple[int, ...]:
        """In a list of tasks, the states that they may be in; (): any."""
        named = tuple(STATES.index(value) for value in self.filter.values("status") or ())
        if not (named and self.states):
            return named or self.states
        return tuple(state for state in named if state in self.states) or self.states


@dataclass(frozen=True)
class State:
    """A list at one instant. `version` is another number whenever any row may look different."""

    listing: Listing = field(default_factory=Listing)
    version: int = 0
    count: int = 0
    """rows"""
    by_state: tuple[int, ...] = (0,) * len(STATES)
    """jobs (in a list of tasks: tasks) by state, whatever the tab; may be some seconds old in long lists"""
    tasks: tuple[int, ...] = (0,) * len(STATES)
    """tasks of the whole host by state, now"""
    building: bool = False
    """the list is still growing"""


class JobBrowser(Protocol):
    """One list of one host. It is a row source: `count`, `key`, `find` and `window` answer at once and never raise."""

    on_news: Callable[[], None]
    """called, in any thread, when rows or the length changed"""

    @property
    def count(self) -> int:
        """How many rows there are."""
        ...

    @property
    def shown(self) -> Listing | None:
        """Which list the rows are of: the one before, until something of the new one is there; None at the very first."""
        ...

    def key(self, row: int) -> Key | None:
        """Job id, or (job id, position) in a list of tasks; None while that is not known."""
        ...

    def find(self, key: Hashable, near: int) -> int | None:
        """The row of a key, None when it is not in the list."""
        ...

    def window(self, first: int, count: int) -> Sequence[Row | None]:
        """Rows first … first + count - 1; None for what is still being read. Asking for rows is what gets them read."""
        ...

    def show(self, listing: Listing) -> None:
        """Show another list. Returns at once; the list grows in the background."""
        ...

    def look(self) -> State:
        """Look for changes (blocking, a few milliseconds; nothing is read when nobody wrote). Raises CycloneError, OSError."""
        ...

    def close(self) -> None:
        """End what runs in the background."""
        ...


def open_browser(host: HostView) -> JobBrowser:
    """A browser of the host's jobs, newest first."""
    from cyclone_core.operations.local_browser import LocalJobBrowser

    directory, open_index = index_of(host)
    return LocalJobBrowser(directory, open_index, slow=host.type == "aws")


def index_of(host: HostView) -> tuple[str, Callable[[str], "JobIndex"]]:
    """(directory of the database with a host's jobs, what opens its index): of an AWS host those of its mirror."""
    from cyclone_core.scheduler.sqlite.job_index import JobIndex

    if host.type == "local":
        return host.state_dir, JobIndex
    from cyclone_core.operations import aws_mirror
    from cyclone_core.operations.mirrored import Kept, MirrorIndex

    return aws_mirror.directory_of(host.name), lambda directory: MirrorIndex(directory, Kept(host.name))
