"""One sitting at one host: runs blocking calls on threads for the screens, and remembers what all of them share.

Reads for what is shown go one after the other through one thread that keeps the host open (`read`); what may take long, or writes, has
threads and an open host of its own (`call`). Of an AWS host `read` sees what this machine knows of it, so that it never waits for the
network; what only the host itself knows is asked for on another thread (`read_far`). The core is blocking and stays so; the screens
await futures.
"""

import time
from collections import deque
from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Concatenate, ParamSpec, TypeVar

from cyclone_core.errors import CycloneError
from cyclone_core.jobs import FAILED, RUNNING, SUCCESSFUL, WAITING
from cyclone_core.operations.lines import Line
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
        from cyclone_core.operations import aws_looks, aws_mirror, deployments

        aws_mirror.SHARED.of(host.name).look()
        aws_looks.SHARED.look(host.name, again=bool(deployments.running(host)))
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
        self._near = Opened(lambda: open_watched(host), self.is_aws)
        self._far = Opened(lambda: open_far(host), True) if self.is_aws else self._near
        self._callers = ThreadPoolExecutor(8, "caller")

    def read(self, load: Callable[Concatenate[HostView, P], T], *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        """Run a short read with the host that is kept open."""
        return self._near.submit(lambda host: load(host, *args, **kwargs))

    def read_far(self, load: Callable[Concatenate[HostView, P], T], *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        """Run a read of what only the host itself knows, such as the tasks of a job; of an AWS host it may take seconds."""
        return self._far.submit(lambda host: load(host, *args, **kwargs))

    def call(self, act: Callable[Concatenate[HostView, P], T], *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        """Run what may take long, or writes, with a host opened for it. What asks AWS is not waited for when all is over."""
        if self.is_aws:
            return aside.begin(lambda: self._call(act, *args, **kwargs))
        return self._callers.submit(lambda: self._call(act, *args, **kwargs))

    def read_anew(self) -> None:
        """Somebody wants to know what is true now."""
        if self.is_aws:
            from cyclone_core.operations import aws_looks, aws_mirror

            aws_looks.SHARED.forget(self.host)
            aws_mirror.SHARED.of(self.host).soon()

    def age(self, of: Collection[str]) -> tuple[float | None, str] | None:
        """(seconds since 1970, why) when what is shown could not be read again since then; None while all is well.

        of: `resources`, `jobs`. The time is None where nothing was ever read.
        """
        if not self.is_aws:
            return None
        from cyclone_core.operations import aws_looks, aws_mirror

        seen = aws_mirror.SHARED.of(self.host).peek()
        if "jobs" in of and seen.error:
            return seen.at, seen.error
        look = aws_looks.SHARED.peek(self.host) if "resources" in of else None
        return (look.at, str(look.error)) if look is not None and look.error is not None and look.at is not None else None

    def reading(self) -> str:
        """What to say where a list of jobs is empty because they have not been read yet; "" when they have."""
        if not self.is_aws:
            return ""
        from cyclone_core.operations import aws_mirror

        seen = aws_mirror.SHARED.of(self.host).peek()
        return "" if seen.at is not None else "The jobs cannot be read yet" if seen.error else "Reading the jobs from AWS …"

    def extent(self) -> str:
        """What to say where not all jobs are here: older ones are still being read, or left out."""
        if not self.is_aws:
            return ""
        from cyclone_core.operations import aws_mirror, mirror_refresh

        seen = aws_mirror.SHARED.of(self.host).peek()
        if seen.full:
            return f"These are the newest {mirror_refresh.MOST_JOBS:,} jobs. qstat lists all"
        return "Older jobs are still being read" if seen.building and seen.at is not None and not seen.error else ""

    def close(self) -> None:
        """Begin nothing more; what runs comes to its end by itself."""
        self._near.close()
        self._far.close()
        self._callers.shutdown(wait=False, cancel_futures=True)
        if self.is_aws:
            from cyclone_core.operations import aws_mirror

            aws_mirror.SHARED.of(self.host).close()

    def _call(self, act: Callable[Concatenate[HostView, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        with open_watched(self.host) as host, host.reading():
            result = act(host, *args, **kwargs)
        if self.is_aws:
            from cyclone_core.operations import aws_mirror

            aws_mirror.SHARED.of(self.host).soon()  # perhaps a job was submitted or cancelled
        return result


def open_watched(host: str) -> HostView:
    """A host for whoever looks at it again and again: of an AWS host what this machine knows of it."""
    if host_type(host) == "local":
        return open_host(host, jobs=False)
    from cyclone_core.operations import mirrored  # with all that lists need, for which other hosts do not wait

    return mirrored.MirroredView(host)


def open_far(host: str) -> HostView:
    """A host itself, for whoever looks at it: with little patience where that asks AWS."""
    if host_type(host) == "local":
        return open_host(host)
    from cyclone_core.operations import aws_watched

    return aws_watched.view(host)


class Opened:
    """A host that is kept open, and the thread on which it is read."""

    def __init__(self, open_host: Callable[[], HostView], asks: bool) -> None:
        """asks: reading it may wait for the network; nobody waits for that when all is over."""
        self._open_host = open_host
        self._view: HostView | None = None
        self._reader: ThreadPoolExecutor | Line = Line("reader") if asks else ThreadPoolExecutor(1, "reader")

    def submit(self, load: Callable[[HostView], T]) -> "Future[T]":
        """Run a read, after those that were asked for before."""
        return self._reader.submit(lambda: self._read(load))

    def close(self) -> None:
        """Begin nothing more; harmless when done twice."""
        with suppress(RuntimeError):  # closed already
            self._reader.submit(self._forget)
        self._reader.shutdown(wait=False)

    def _read(self, load: Callable[[HostView], T]) -> T:
        if self._view is not None and not self._view.is_current():
            self._forget()
        if self._view is None:
            self._view = self._open_host()
        try:
            with self._view.reading():
                return load(self._view)
        except CycloneError:
            raise
        except Exception:
            self._forget()  # whatever it was, the next look begins anew
            raise

    def _forget(self) -> None:
        view, self._view = self._view, None
        if view is not None:
            view.close()
