"""What AWS hosts have, for whoever looks every other second: read in the background, kept, and not asked for more often than is useful.

One read is a list of the records in the main region and a list of the stacks in each region. While somebody looks, it is repeated FRESH_S
after something changed, and ever more seldom, down to every SLOW_S, while nothing does; after a failure likewise. So a screen that is left
open over a day asks each region once a minute, and one that nobody looks at asks nothing. What was read last stays while AWS cannot be
reached, with its time and the reason.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cyclone_core import paths
from cyclone_core.errors import CycloneError, NotYet

if TYPE_CHECKING:
    from cyclone_core.operations.resources import Snapshot

FRESH_S, SLOW_S = 8.0, 60.0
"""Between two reads: after a change, and when nothing changed for long."""


@dataclass(frozen=True)
class Look:
    """What is known of a host."""

    snapshot: "Snapshot | None" = None
    """None while nothing was read yet."""
    at: float | None = None
    """When it was read, seconds since 1970."""
    error: CycloneError | None = None
    """Why the last read failed; None when it did not."""

    def health(self) -> str:
        """In a word: asking, not answering, not deployed, changing, failed, ready."""
        if self.error is not None:
            return "not answering"
        if self.snapshot is None:
            return "asking"
        if self.snapshot.host is None:
            return "not deployed"
        states = {self.snapshot.host.state, *(stored.state for stored in self.snapshot.resources)}
        return "failed" if "FAILED" in states else "ready" if states == {"ACTIVE"} else "changing"

    def need(self) -> "Snapshot":
        """What was read. Raises why there is nothing: `NotYet` while the first read is under way."""
        if self.snapshot is None:
            raise self.error or NotYet("asking AWS what the host has")
        return self.snapshot


class _Known:
    """One host."""

    def __init__(self) -> None:
        self.look = Look()
        self.pause, self.due = FRESH_S, 0.0
        self.reading: threading.Event | None = None
        self.again = False
        """whether what is being read was asked for anew meanwhile"""


class Looks:
    """The looks at all AWS hosts of a process. Threads may share it."""

    def __init__(
        self, read: Callable[[str], "Snapshot"], clock: Callable[[], float] = time.monotonic, now: Callable[[], float] = time.time
    ) -> None:
        """read: what a host has, blocking; clock: seconds for pauses; now: seconds since 1970."""
        self._read, self._clock, self._now = read, clock, now
        self._known: dict[tuple[str, str], _Known] = {}
        self._lock = threading.Lock()

    def look(self, host: str, wait_s: float = 0.0, again: bool = True) -> Look:
        """What is known; a read begins when it is due. wait_s: so long the first one, or one that `forget` asked for, is waited for.

        again: False for whoever shows it only beside something else: then nothing but the first read, or one that was asked for, begins.
        """
        with self._lock:
            known = self._of(host)
            if known.reading is None and self._clock() >= known.due and (again or not known.due):
                known.reading = threading.Event()
                threading.Thread(target=self._work, args=(host, known, known.reading), daemon=True, name=f"look {host}").start()
            reading, wanted = known.reading, known.look.at is None or not known.due
        if reading is not None and wanted and wait_s:
            reading.wait(wait_s)
        with self._lock:
            return known.look

    def peek(self, host: str) -> Look | None:
        """What is known, without asking; None when nobody looked yet."""
        with self._lock:
            known = self._known.get(_key(host))
            return known.look if known is not None else None

    def forget(self, host: str) -> None:
        """The next look reads anew: something was changed, or somebody wants to know it now."""
        with self._lock:
            known = self._of(host)
            known.pause, known.due, known.again = FRESH_S, 0.0, known.reading is not None

    def read_with(self, read: Callable[[str], "Snapshot"]) -> Callable[[str], "Snapshot"]:
        """Read in another way from now on, for programs that have one of their own; returns the way of before."""
        before, self._read = self._read, read
        return before

    def _of(self, host: str) -> _Known:
        return self._known.setdefault(_key(host), _Known())

    def _work(self, host: str, known: _Known, done: threading.Event) -> None:
        try:
            look = Look(self._read(host), self._now())
        except CycloneError as exc:
            look = Look(known.look.snapshot, known.look.at, exc)
        except Exception as exc:  # noqa: BLE001  the border of a thread: told as what it is, and tried again
            look = Look(known.look.snapshot, known.look.at, CycloneError(f"the host cannot be read: {type(exc).__name__}: {exc}"))
        with self._lock:
            same = (look.snapshot, str(look.error)) == (known.look.snapshot, str(known.look.error))
            known.pause = min(SLOW_S, known.pause * 1.5) if same or look.error else FRESH_S
            known.look, known.due, known.reading = look, 0.0 if known.again else self._clock() + known.pause, None
            known.again = False
        done.set()


def _key(host: str) -> tuple[str, str]:
    """Hosts of another configuration are others."""
    return paths.config_dir(), host


def _read(name: str) -> "Snapshot":
    from cyclone_core.operations import hosts, resources

    return resources.for_host(hosts.get(name)).snapshot()


SHARED = Looks(_read)
"""Those of this process."""
