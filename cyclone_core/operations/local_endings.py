"""Hearing from a local host's supervisor which jobs end, beside something else that wakes the program."""

import os
import select

from cyclone_core.operations import jobs
from cyclone_core.scheduler.local import client
from cyclone_core.wire import Closed, encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from cyclone_core.operations.jobs import Ended
    from cyclone_core.wire import Channel


class LocalEndings:
    """The connection on which the supervisor tells of jobs that end; made anew when it breaks. Implements `jobs.Endings`."""

    def __init__(self, state_dir: str) -> None:
        self.state_dir = state_dir
        self.channel: Channel | None = None

    def listen(self, ids: list[int]) -> None:
        """Ask to be told of the end of jobs."""
        if self.channel is not None:
            self._send(ids)

    def hear(self, wake: int, open_ids: "Iterable[int]") -> "list[Ended]":
        """Wait for news: (job, status, exit) of jobs that ended, none when woken for something else."""
        wanted = sorted(open_ids)
        if self.channel is None and wanted:
            jobs.refuse_stopped(self.state_dir, len(wanted))
            self.channel = client.ensure(self.state_dir)
            self._send(wanted)
        poll = select.poll()
        poll.register(wake, select.POLLIN)
        if self.channel is not None:
            poll.register(self.channel.fd, select.POLLIN)
        ready = [fd for fd, _ in poll.poll()]
        if wake in ready:
            os.read(wake, 65536)
        if self.channel is None or self.channel.fd not in ready:
            return []
        try:
            return [(message[1], message[2], message[3]) for message in self.channel.receive() if message[0] == "ended"]
        except Closed:
            self.close()
            return []

    def close(self) -> None:
        """Hang up."""
        if self.channel is not None:
            self.channel.close()
            self.channel = None

    def _send(self, ids: list[int]) -> None:
        assert self.channel is not None
        try:
            for at in range(0, len(ids), jobs.IDS_PER_MESSAGE):
                self.channel.sock.sendall(encode(("wait", ids[at : at + jobs.IDS_PER_MESSAGE])))
        except OSError:
            self.close()
