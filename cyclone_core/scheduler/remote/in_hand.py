"""What a worker has in hand: its units, how many of their tasks run at once, and how long they last by their kind. Pure and lean."""

from cyclone_core.scheduler.remote.pace import Pace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from cyclone_core.scheduler.dynamo.queues import Message
    from cyclone_core.scheduler.remote.held import Held

MOST_HELD = 40
"""Units in hand at once, and twice as many as tasks that may run."""
SURPLUS_S = 5.0
"""Units of which nothing has begun go back when there is so much work before them: it was taken for shorter than it is."""
_KINDS = 200


class InHand:
    """See the module. It is gone through in the order in which units came; meanwhile some may be dropped.

    width: tasks that run at once, one in a container, which has the vCPUs of one. most: units at once. finished: messages of units that
    are over, which are to be deleted. pace: of all tasks.
    """

    __slots__ = ("_paces", "_units", "finished", "most", "pace", "width")

    def __init__(self, width: int) -> None:
        self.width, self.most = width, max(MOST_HELD, 2 * width)
        self._units: dict[tuple[int, int], Held] = {}
        self.finished: list[Message] = []
        self.pace = Pace()
        self._paces: dict[bytes, Pace] = {}
        """of what kinds of tasks (their spec)"""

    def __len__(self) -> int:
        return len(self._units)

    def __iter__(self) -> "Iterator[Held]":
        return iter(list(self._units.values()))

    # -- units --------------------------------------------------------------------------------------------------------------------
    def add(self, held: "Held") -> None:
        """A unit was claimed."""
        self.pace.came(held.in_hand)
        held.pace = self._pace_of(held)
        self._units[held.unit.job, held.unit.low] = held

    def drop(self, held: "Held") -> None:
        """It is over, given back, or somebody else's."""
        self._units.pop((held.unit.job, held.unit.low), None)

    def _pace_of(self, held: "Held") -> Pace:
        """How long tasks of the same kind have lasted here."""
        kind = bytes(held.job["sp"])
        if kind not in self._paces:
            if len(self._paces) >= _KINDS:
                self._paces.clear()
            self._paces[kind] = Pace()
        return self._paces[kind]

    def lasted(self, held: "Held", seconds: float) -> None:
        """A task of a unit has ended."""
        self.pace.lasted(seconds)
        held.pace.lasted(seconds)

    # -- looking ------------------------------------------------------------------------------------------------------------------
    @property
    def tasks(self) -> int:
        """Tasks that are here and have no result."""
        return sum(held.in_hand for held in self._units.values())

    @property
    def out(self) -> int:
        """Tasks that the agent has."""
        return sum(len(held.out) for held in self._units.values())

    @property
    def running(self) -> str:
        """What users call the first task that the agent has; "" when it has none."""
        return next((held.task_name for held in self._units.values() if held.out), "")

    def oldest_s(self, wall_s: float) -> float:
        """How long the task that has been running longest does so. wall_s: seconds since 1970, as tasks count."""
        return max((held.oldest_s(wall_s) for held in self._units.values()), default=0.0)

    def surplus(self, wall_s: float) -> "list[Held]":
        """The units that would wait here for long while others may be free. wall_s: seconds since 1970."""
        found, ahead_s, ahead = [], 0.0, 0
        for held in self._units.values():
            is_begun = held.busy or held.out or held.rows or held.unit.results or held.unwritten
            if not is_begun and ahead_s > SURPLUS_S and ahead >= self.width:
                found.append(held)
            else:
                ahead += held.in_hand
                ahead_s += held.in_hand * max(0.0, held.pace.expected(held.oldest_s(wall_s))) / self.width
        return found
