"""One sitting at one host: runs blocking calls on threads for the screens, and remembers what all of them share.

Reads for what is shown go one after the other through one thread that keeps the host open (`read`); what may take long, or writes, has
threads and an open host of its own (`call`). The core is blocking and stays so; the screens await futures.
"""

import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Concatenate, ParamSpec, TypeVar

from cyclone_core.errors import CycloneError
from cyclone_core.jobs import FAILED, RUNNING, STATES, SUCCESSFUL, WAITING
from cyclone_core.operations.queries import HostView, host_type, open_host
from cyclone_tui import aside
from cyclone_tui.settings import Settings

T = TypeVar("T")
P = ParamSpec("P")
HISTORY = 240
"""Looks whose throughput is kept: eight minutes of them at two seconds."""


@dataclass(frozen=True)
class Pulse:
    """The host in one glance, for the header and the throughput."""

    health: str
    """running, stopped, new or not answering"""
    counts: tuple[int, ...]
    """tasks by state, in the order of `jobs.STATES`"""

    @property
    def waiting(self) -> int:
        """Tasks that wait."""
        return self.counts[WAITING]

    @property
    def running(self) -> int:
        """Tasks that run or are handed out."""
        return self.counts[RUNNING]

    @property
    def failed(self) -> int:
        """Tasks that failed."""
        return self.counts[FAILED]

    @property
    def done(self) -> int:
        """Tasks that have run to an end; those that were cancelled are no throughput."""
        return self.counts[SUCCESSFUL] + self.counts[FAILED]


def take_pulse(host: HostView) -> Pulse:
    """One look; starts a dead supervisor where work is open and it was not stopped on purpose.

    AWS is asked for it only while something is deployed.
    """
    if host.type == "aws":
        from cyclone_core.operations import aws_looks, deployments

        look = aws_looks.SHARED.look(host.name, again=bool(deployments.running(host)))
        return Pulse(look.health(), (0,) * len(STATES))
    counts = tuple(sum(column) for column in zip(*(counts for _, counts in host.summary()), strict=True)) or (0,) * 6
    health = host.health()
    if health == "stopped" and (counts[WAITING] or counts[RUNNING]):
        host.revive()
        health = host.health()
    return Pulse(health, counts)


class History:
    """Throughput between looks, in tasks per second; the newest last."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last: tuple[float, int] | None = None
        self.rates: deque[float] = deque(maxlen=HISTORY)

    def add(self, done: int) -> None:
        """Note how many tasks have run to an end. Forgotten jobs lower that number: such a look counts as none."""
        now = self._clock()
        if self._last is not None and now > self._last[0]:
            self.rates.append(max(0, done - self._last[1]) / (now - self._last[0]))
        self._last = now, done


class Session:
    """See the module. Close it when it is over."""

    def __init__(self, host: str, settings: Settings, read_only: bool = False, clock: Callable[[], float] = time.time) -> None:
        self.host, self.settings, self.read_only, self.clock = host, settings, read_only, clock
        self.is_aws = host_type(host) == "aws"
        """whether its jobs are elsewhere, and looking at it takes time"""
        self.region: str | None = None
        """the only region to show, None = all"""
        self.history = History()
        self.pulse: Pulse | None = None
        self.watched: set[int] = set()
        """jobs submitted here, whose end is told"""
        self._view: HostView | None = None
        self._reader = ThreadPoolExecutor(1, "reader")
        self._callers = ThreadPoolExecutor(8, "caller")

    def read(self, load: Callable[Concatenate[HostView, P], T], *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        """Run a short read with the host that is kept open."""
        return self._reader.submit(lambda: self._read(load, *args, **kwargs))

    def call(self, act: Callable[Concatenate[HostView, P], T], *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        """Run what may take long, or writes, with a host opened for it. What asks AWS is not waited for when all is over."""
        if self.is_aws:
            return aside.begin(lambda: self._call(act, *args, **kwargs))
        return self._callers.submit(lambda: self._call(act, *args, **kwargs))

    def read_anew(self) -> None:
        """Somebody wants to know what is true now."""
        if self.is_aws:
            from cyclone_core.operations import aws_looks

            aws_looks.SHARED.forget(self.host)

    def age(self) -> tuple[float, str] | None:
        """(seconds since 1970, why) when what is shown could not be read again since then; None while all is well."""
        if not self.is_aws:
            return None
        from cyclone_core.operations import aws_looks

        look = aws_looks.SHARED.peek(self.host)
        return (look.at, str(look.error)) if look is not None and look.error is not None and look.at is not None else None

    def close(self) -> None:
        """Begin nothing more; what runs comes to its end by itself."""
        self._reader.submit(self._forget)
        self._reader.shutdown(wait=False)
        self._callers.shutdown(wait=False, cancel_futures=True)

    def _read(self, load: Callable[Concatenate[HostView, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        if self._view is not None and not self._view.is_current():
            self._forget()
        if self._view is None:
            self._view = open_host(self.host, jobs=False)
        try:
            with self._view.reading():
                return load(self._view, *args, **kwargs)
        except CycloneError:
            raise
        except Exception:
            self._forget()  # whatever it was, the next look begins anew
            raise

    def _call(self, act: Callable[Concatenate[HostView, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        with open_host(self.host, jobs=False) as host, host.reading():
            return act(host, *args, **kwargs)

    def _forget(self) -> None:
        view, self._view = self._view, None
        if view is not None:
            view.reader.close()
