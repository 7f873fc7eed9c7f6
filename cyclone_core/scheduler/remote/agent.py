"""The agent of a worker machine as its supervisor has it: a child process, the same as on a local host, started again when it dies.

It is told to end when its supervisor dies, whatever kills that: nobody would renew the leases of what it runs, and another worker would
run the same at the same time.
"""

import os
from signal import SIGKILL, pidfd_send_signal

from cyclone_core import wire
from cyclone_core.journal import journal_path
from cyclone_core.scheduler.local import pool, recovery
from cyclone_core.scheduler.remote import clock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from cyclone_core.journal import Row
    from cyclone_core.scheduler.local.connections import Connections
    from cyclone_core.wire import Channel, Message

STREAM = 1
"""The stream that all leases are for."""
YOUNG_S = 10.0
MOST_DEATHS = 5
"""So many agents in a row that die young mean that this machine cannot run any."""
_WORKER = 1
_ORPHANED = """\
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, 15, 0, 0, 0)
if os.getppid() != {parent}: sys.exit(1)
"""
"""PR_SET_PDEATHSIG: SIGTERM, by which an agent ends what it runs and leaves."""


class _Lease:
    """A lease as the recovery reads it."""

    __slots__ = ("id", "journal", "journal_at")

    def __init__(self, number: int, journal: int) -> None:
        self.id, self.journal, self.journal_at = number, journal, 0


class AgentProcess:
    """See the module. `journal`: number of its journal; `journals`: number -> descriptor of those whose frames may still be needed."""

    def __init__(self, state_dir: str, socket_path: str, connections: "Connections") -> None:
        self._state_dir, self._socket, self._connections = state_dir, socket_path, connections
        self._channel: Channel | None = None
        self.pid, self._pidfd, self.journal, self.deaths = 0, -1, 0, 0
        self.journals: dict[int, int] = {}
        self._started = 0.0
        self.leaving = False
        """it was told to stop"""

    # -- life ---------------------------------------------------------------------------------------------------------------------
    def start(self) -> None:
        """Start a process with a journal of its own; it connects by itself. Raises OSError."""
        self.journal += 1
        first = _ORPHANED.format(parent=os.getpid())
        self.pid = pool.start_worker(self._state_dir, self._socket, _WORKER, self.journal, first)
        self._pidfd = os.pidfd_open(self.pid)
        self._started, self.leaving = clock.seconds(), False

    @property
    def is_up(self) -> bool:
        """Whether it can be told something."""
        return self._channel is not None

    @property
    def descriptor(self) -> int:
        """Of its journal."""
        return self.journals[self.journal]

    def welcome(self, channel: "Channel", message: "Message") -> bool:
        """A process says that it is the agent; False when it is not."""
        if message[:2] != ("worker", wire.VERSION) or message[3] != self.pid or message[4] != self.journal:
            return False
        self._channel = channel
        self.journals[self.journal] = os.open(journal_path(self._state_dir, self.journal), os.O_RDONLY | os.O_CLOEXEC)
        return True

    def is_from(self, channel: "Channel") -> bool:
        """Whether a connection is the agent's."""
        return channel is self._channel

    def say(self, message: "Message") -> None:
        """Tell it something."""
        if self._channel is not None:
            self._connections.say(self._channel, message)

    def stop(self, grace_s: float) -> None:
        """Let it end what it runs, which then leaves no result, and leave."""
        self.leaving = True
        self.say(("stop", grace_s))

    def kill(self) -> None:
        """End the process at once."""
        if self._pidfd >= 0:
            try:
                pidfd_send_signal(self._pidfd, SIGKILL)
            except ProcessLookupError:
                pass

    def bury(self) -> None:
        """Its connection has ended: so does the process, with all that it has started."""
        self._channel = None
        if self._pidfd >= 0:
            self.kill()
            os.waitpid(self.pid, 0)
            os.close(self._pidfd)
            self._pidfd = -1
        pool.end_orphans({pool.mark(self._socket, _WORKER, self.journal)}, set())
        young = clock.seconds() - self._started < YOUNG_S and not self.leaving
        self.deaths = self.deaths + 1 if young else 0

    @property
    def is_hopeless(self) -> bool:
        """Whether one after the other has died young."""
        return self.deaths >= MOST_DEATHS

    def has_ended(self) -> bool:
        """Whether the process ended before it connected."""
        if self._channel is not None or self._pidfd < 0:
            return False
        info = os.waitid(os.P_PIDFD, self._pidfd, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        return info is not None

    # -- its journals -------------------------------------------------------------------------------------------------------------
    def evidence(self, leases: "Iterable[int]") -> "dict[int, tuple[list[Row], dict[int, int]]]":
        """What the journal of a dead agent proves: of each lease the rows, and position -> start_us of what had begun and has no end."""
        asked: list[Any] = [_Lease(number, self.journal) for number in leases]
        found = recovery.read(self._state_dir, asked)
        return {
            number: (evidence.rows, {position: start for (_, position), start in evidence.started.items()})
            for number, evidence in found.items()
        }

    def is_heavy(self, most: int) -> bool:
        """Whether its journal has more than so many bytes."""
        return self._channel is not None and os.fstat(self.descriptor).st_size > most

    def forget(self, needed: "set[int]") -> None:
        """Remove journals of earlier agents. needed: descriptors of those that are still to be read."""
        for number, descriptor in list(self.journals.items()):
            if number != self.journal and descriptor not in needed:
                os.close(self.journals.pop(number))
                os.unlink(journal_path(self._state_dir, number))
