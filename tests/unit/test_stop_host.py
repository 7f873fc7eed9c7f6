"""Stopping a host waits until its supervisor is gone, not only until it promised to go; a fake supervisor shows both."""

import fcntl
import os
import socket
import threading
from collections.abc import Iterator

import pytest

from cyclone_core import paths, wire
from cyclone_core.errors import HostUnavailable
from cyclone_core.operations import hosts
from cyclone_core.resources import Host

LOCAL = Host(name="local")


class FakeSupervisor:
    """Holds the lock, listens, and answers each request with what it is told to say (None: nothing)."""

    def __init__(self, answer: tuple[object, ...] | None) -> None:
        state_dir = paths.host_state_dir("local")
        os.makedirs(state_dir)
        self.answer, self.asked = answer, list[tuple[object, ...]]()
        self.lock = open(os.path.join(state_dir, "supervisor.lock"), "w")  # noqa: SIM115 - held until `leave`
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(paths.socket_path(state_dir))
        self.listener.listen()
        self.held: list[wire.Channel] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection = self.listener.accept()[0]
            except OSError:
                return
            channel = wire.Channel(wire.socket(fileno=connection.detach()), blocking=True)
            self.held.append(channel)
            self.asked.append(channel.next())
            if self.answer is not None:
                channel.send(self.answer)

    def leave(self) -> None:
        """Give the lock back, as the end of the process does."""
        self.lock.close()


@pytest.fixture
def supervisor() -> Iterator[FakeSupervisor]:
    """One that promises to stop."""
    fake = FakeSupervisor(("stopping",))
    yield fake
    fake.leave()
    fake.listener.shutdown(socket.SHUT_RDWR)
    fake.listener.close()
    for channel in fake.held:
        channel.close()


def test_stop_waits_until_the_lock_is_free(supervisor: FakeSupervisor) -> None:
    """It looks again and again until the supervisor has left."""
    looks: list[float] = []

    def sleep(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 3:
            supervisor.leave()

    assert hosts.stop(LOCAL, sleep=sleep) is True
    assert len(looks) == 3
    assert supervisor.asked == [("stop",)]


def test_supervisor_that_does_not_leave_is_told(supervisor: FakeSupervisor) -> None:
    """After the time that it was given, with the log to look at."""
    ticks = iter(range(100))
    with pytest.raises(HostUnavailable, match=r"has not left after 30 s.*supervisor\.log"):
        hosts.stop(LOCAL, 30, clock=lambda: 10.0 * next(ticks), sleep=lambda seconds: None)


def test_host_that_does_not_run_is_not_stopped() -> None:
    """Nobody is started to be stopped."""
    assert hosts.stop(LOCAL) is False
    assert not os.path.exists(paths.host_state_dir("local"))
