"""The mirrors of AWS hosts that this process looks at: each refreshed by a thread of its own, as long and as often as that is of use.

While somebody looks, the next step follows QUICK_S after a change, and ever more seldom, down to every SLOW_S, while nothing does
(WORKING_S while tasks are open); after a failure likewise. A mirror that nobody has looked at for UNSEEN_S is left alone. Several
interfaces on one machine share a mirror: whoever has its lock writes it, the others read it, and ask the writer to look when something was
done. What was read last stays while AWS cannot be reached, with its time and the reason.
"""

import fcntl
import json
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, BinaryIO

from cyclone_core import paths
from cyclone_core.errors import CycloneError
from cyclone_core.jobs import FINAL
from cyclone_core.operations.mirror_refresh import KEEP_DAYS, Refresher, Source, Step
from cyclone_core.scheduler.sqlite.mirror import MirrorStore

if TYPE_CHECKING:
    from cyclone_core.operations import aws_events

QUICK_S, WORKING_S, SLOW_S = 2.0, 5.0, 15.0
"""Between two steps: after a change, when nothing changes while tasks are open, and when nothing changes at all."""
FAILED_S = 30.0
"""The longest pause after failures."""
UNSEEN_S = 20.0
PACE_S = 8.0
"""Between two samples of what is over: workers tell every five seconds, so less would only show when they do."""
_SAMPLES = 240
_SHARED_S = 1.0
"""So often a process that does not write looks whether it could, and one that writes whether others ask for it."""


@dataclass(frozen=True)
class Seen:
    """How a mirror is."""

    at: float | None = None
    """When it was last true, seconds since 1970; None: nothing was read yet."""
    error: str = ""
    """Why the last look failed; "" when it did not."""
    building: bool = True
    """Whether older jobs are still being read."""
    full: bool = False
    """Whether older jobs than these are left out."""


class Mirror:
    """The mirror of one host. Threads may share it."""

    def __init__(
        self, host: str, open_source: Callable[[str], Source], clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        """open_source: the way to a host's jobs, which may ask AWS; clock: seconds for pauses; now: seconds since 1970."""
        self.host, self.directory = host, directory_of(host)
        self._open_source, self._clock, self._now = open_source, clock, now
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._looked = 0.0
        self._seen = Seen()
        self._refresher: Refresher | None = None
        self._held: BinaryIO | None = None
        self._pause = QUICK_S
        self._asked = 0
        self._watcher: aws_events.Watcher | None = None
        self._pace: deque[tuple[float, int]] = deque(maxlen=_SAMPLES)

    # -- whoever looks -----------------------------------------------------------------------------------------------
    def look(self) -> Seen:
        """How it is; somebody looks, so it is refreshed."""
        with self._lock:
            self._looked = self._clock()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, daemon=True, name=f"mirror {self.host}")
                self._thread.start()
            return self._seen

    def peek(self) -> Seen:
        """How it is, for whoever does not look at it."""
        return self._seen

    def pace(self) -> tuple[tuple[float, int], ...]:
        """(seconds since 1970, tasks that were final then), oldest first: while this process refreshed it."""
        return tuple(self._pace)

    def soon(self) -> None:
        """Something was done, or somebody wants to know: look now."""
        self._pause = QUICK_S
        if self._held is None:
            _touch(self._asked_path)
        self._wake.set()

    def close(self) -> None:
        """Nobody looks any more."""
        self._looked = -UNSEEN_S * 2
        self._wake.set()

    # -- its thread --------------------------------------------------------------------------------------------------
    def _run(self) -> None:
        try:
            while self._is_looked_at():
                self._wait(self.turn())
        finally:
            self._leave()

    def _is_looked_at(self) -> bool:
        with self._lock:
            if self._clock() - self._looked < UNSEEN_S:
                return True
            self._thread = None
            return False

    def turn(self) -> float:
        """One step, or a look at what another process wrote; returns the seconds until the next."""
        if self._held is None and not self._take():
            self._seen = self._told()
            return _SHARED_S
        try:
            step = self._step()
        except CycloneError as exc:
            return self._failed(str(exc))
        except Exception as exc:  # noqa: BLE001  the border of a thread: told as what it is, and tried again
            return self._failed(f"the jobs cannot be read: {type(exc).__name__}: {exc}")
        self._tell(Seen(self._now(), "", step.more, bool(self._refresher and self._refresher.store.kept("full"))))
        if step.more:
            return 0.0
        slowest = WORKING_S if step.working else SLOW_S
        self._pause = QUICK_S if step.changed else min(slowest, self._pause * 1.3)
        return self._pause

    def _step(self) -> Step:
        if self._refresher is None:
            from cyclone_core.operations import aws_events

            self._watcher = aws_events.Watcher(self.host)
            source = self._open_source(self.host)
            self._refresher = Refresher(MirrorStore(self.directory), source, keep_days_of(self.host), now=self._now)
        step = self._refresher.step()
        for kind, name, text in self._watcher.look(step.working) if self._watcher else ():
            self._refresher.store.event(self._now(), kind, name, text)
        now = self._now()
        if not self._pace or now - self._pace[-1][0] >= PACE_S:
            self._pace.append((now, sum(sum(counts[state] for state in FINAL) for counts in self._refresher.store.totals().values())))
        return step

    def _failed(self, why: str) -> float:
        self._tell(replace(self._seen, error=why))
        self._pause = min(FAILED_S, self._pause * 2)
        refresher, self._refresher = self._refresher, None
        if refresher is not None:
            refresher.store.close()
        return self._pause

    def _wait(self, seconds: float) -> None:
        until = self._clock() + seconds
        while (left := until - self._clock()) > 0 and not self._wake.wait(min(left, _SHARED_S)):
            if self._is_asked() or self._clock() - self._looked >= UNSEEN_S:
                break
        self._wake.clear()

    # -- other processes ---------------------------------------------------------------------------------------------
    @property
    def _asked_path(self) -> str:
        return os.path.join(self.directory, "asked")

    def _take(self) -> bool:
        """Become the one that writes it, where nobody is."""
        try:
            os.makedirs(self.directory, 0o700, exist_ok=True)
            descriptor = os.open(os.path.join(self.directory, "lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:
            return False
        file = os.fdopen(descriptor, "rb")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            return False
        self._held, self._seen = file, replace(self._told(), error="")
        self._asked = _changed(self._asked_path)
        return True

    def _leave(self) -> None:
        refresher, self._refresher = self._refresher, None
        if refresher is not None:
            refresher.store.close()
        held, self._held = self._held, None
        if held is not None:
            held.close()

    def _tell(self, seen: Seen) -> None:
        """Say how it is, to the others too."""
        self._seen = seen
        path = os.path.join(self.directory, "seen.json")
        try:
            with open(path + ".new", "w", encoding="utf-8") as file:
                json.dump(seen.__dict__, file)
            os.replace(path + ".new", path)
        except OSError:
            return  # the directory is gone with the host, or the disk is full: this process knows all the same

    def _told(self) -> Seen:
        try:
            with open(os.path.join(self.directory, "seen.json"), encoding="utf-8") as file:
                return Seen(**json.load(file))
        except (OSError, ValueError, TypeError):
            return Seen()

    def _is_asked(self) -> bool:
        """Whether another process asked for a look since the last time."""
        before, self._asked = self._asked, _changed(self._asked_path)
        return self._held is not None and before != self._asked


class Mirrors:
    """Those of a process."""

    def __init__(self, open_source: Callable[[str], Source]) -> None:
        """open_source: the way to a host's jobs."""
        self._open_source = open_source
        self._known: dict[str, Mirror] = {}
        self._lock = threading.Lock()

    def of(self, host: str) -> Mirror:
        """The mirror of a host."""
        directory = directory_of(host)
        with self._lock:
            if directory not in self._known:
                self._known[directory] = Mirror(host, self._open_source)
            return self._known[directory]

    def read_with(self, open_source: Callable[[str], Source]) -> Callable[[str], Source]:
        """Read in another way from now on, for programs that have one of their own; returns the way of before."""
        before, self._open_source = self._open_source, open_source
        with self._lock:
            self._known.clear()
        return before


def directory_of(host: str) -> str:
    """Where the mirror of a host lies: with what else is kept of the host, and gone with it."""
    return os.path.join(paths.host_state_dir(host), "mirror")


def keep_days_of(host: str) -> float:
    """So long the host keeps what is over, as its registration says."""
    from cyclone_core.host_registry import HostRegistry

    try:
        return float(HostRegistry().get(host).keep_days)
    except CycloneError:  # its file was broken or removed: what is shown stays for the usual time
        return KEEP_DAYS


def _changed(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0


def _touch(path: str) -> None:
    try:
        with open(path, "ab"):
            os.utime(path)
    except OSError:
        return


def _open(host: str) -> Source:
    from cyclone_core.operations.aws_mirror_source import open_source

    return open_source(host)


SHARED = Mirrors(_open)
"""Those of this process."""
