"""The process of a worker: its agent's connection, signals and what comes of calls wake the loop (`loop`), else it turns each 0.25 s.

It is told to leave by SIGTERM (what runs may go on for `stop_s`; with a second one, or when its machine's agent died, it may not). SIGUSR1
is a machine's word to its workers: take nothing more, and end what runs, however long that takes.
"""

import os
import select
from signal import SIG_IGN, SIGINT, SIGPIPE, SIGTERM, SIGUSR1, signal

from cyclone_core.scheduler.local.connections import Connections
from cyclone_core.scheduler.process import wakeup_pipe
from cyclone_core.scheduler.remote import clock
from cyclone_core.scheduler.remote.agent import AgentProcess
from cyclone_core.scheduler.remote.calls import Arrivals, Calls
from cyclone_core.scheduler.remote.log import log
from cyclone_core.scheduler.remote.loop import Loop
from cyclone_core.scheduler.remote.notice import Instance

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cyclone_core.scheduler.dynamo.queues import Lanes
    from cyclone_core.scheduler.dynamo.unit_store import UnitStore
    from cyclone_core.scheduler.remote.files import Files
    from cyclone_core.scheduler.remote.machine import Machine
    from cyclone_core.wire import Channel

TICK_S = 0.25


class Supervisor:
    """See the module. `run` returns the exit code."""

    def __init__(
        self, machine: "Machine", store: "UnitStore", lanes: "Lanes", files: "Files", state_dir: str, socket_path: str
    ) -> None:  # fmt: skip
        self._connections = Connections(socket_path, self._take_in, self._gone)
        self._arrivals, self._signals = Arrivals(), wakeup_pipe(SIGTERM, SIGINT, SIGUSR1)
        signal(SIGPIPE, SIG_IGN)
        for descriptor in (self._arrivals.descriptor, self._signals):
            self._connections.poll.register(descriptor, select.EPOLLIN)
        self._agent = AgentProcess(state_dir, socket_path, self._connections)
        self._loop = Loop(machine, store, lanes, files, self._agent, Instance(), self._calls, state_dir, clock)
        self._stop_s, self._parent, self._is_told = machine.stop_s, os.getppid(), False

    def _calls(self, threads: int) -> Calls:
        return Calls(self._arrivals, threads)

    def run(self) -> int:
        """Work until there is nothing to do here any more; 0 when all is well, TAKEN_BACK when only its instance goes."""
        self._loop.begin()
        while not self._loop.is_done:
            self._wait()
            self._loop.turn()
        self._loop.end()
        return self._loop.stay.code

    def _wait(self) -> None:
        """Take in whatever has come, at most TICK_S from now."""
        for descriptor, event in self._connections.poll.poll(TICK_S):
            if descriptor == self._signals:
                self._signalled()
            elif descriptor == self._arrivals.descriptor:
                self._arrivals.take_in()
            elif why := self._connections.handle(descriptor, event):
                log(f"no connection can be taken just now: {why}")

    def _signalled(self) -> None:
        for number in os.read(self._signals, 512):
            if number == SIGUSR1:
                self._loop.stay.leave("its machine takes nothing more", float("inf"))
            elif number in (SIGTERM, SIGINT):
                self._told_to_end()

    def _told_to_end(self) -> None:
        """What runs may go on for a while; not when we are told again, and not without the machine that would have told us."""
        is_orphan = os.getppid() != self._parent
        seconds = 0 if self._is_told or is_orphan else self._stop_s
        self._loop.stay.leave("its machine's agent died" if is_orphan else "it was told to end", seconds)
        self._is_told = True

    def _take_in(self, channel: "Channel", message: "tuple[Any, ...]") -> None:
        if self._agent.is_from(channel):
            self._loop.leases.take_in(message)
        elif not self._agent.welcome(channel, message):
            self._connections.hang_up(channel)

    def _gone(self, channel: "Channel") -> None:
        """A connection has ended; the agent's means that the agent is dead."""
        if self._agent.is_from(channel):
            self._loop.leases.bury()
