"""What is read of AWS beside something else: in the background, kept, and not asked for more often than is useful.

Whoever looks gets what is known at once; a read begins when one is due. Nobody looks: nothing is asked.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from cyclone_core import paths
from cyclone_core.errors import CycloneError

T = TypeVar("T")
FAILED_S = 30.0
"""After a failure."""


@dataclass(frozen=True)
class Kept(Generic[T]):
    """What is known."""

    value: T
    at: float | None = None
    """When it was read, seconds since 1970; None: not yet."""
    error: str = ""
    """Why the last read failed."""


class Background(Generic[T]):
    """One thing of every host. Threads may share it."""

    def __init__(
        self, read: Callable[[str], T], nothing: T, pause: Callable[[T, bool], float], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """read: of a host, blocking; nothing: before it was read.

        pause: seconds to the next read, by what was read and whether it changed.
        """
        self._read, self._nothing, self._pause, self._clock = read, nothing, pause, clock
        self._known: dict[tuple[str, str], Kept[T]] = {}
        self._due: dict[tuple[str, str], float] = {}
        self._read_at: dict[tuple[str, str], float] = {}
        self._reading: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    def look(self, host: str, within_s: float | None = None) -> Kept[T]:
        """What is known; a read begins when it is due, or when the last one is as old as that."""
        key, now = (paths.config_dir(), host), self._clock()
        with self._lock:
            due = self._due.get(key, 0.0)
            if within_s is not None and not self._known.get(key, Kept(self._nothing)).error:
                due = min(due, self._read_at.get(key, 0.0) + within_s)
            if key not in self._reading and now >= due:
                self._reading.add(key)
                threading.Thread(target=self._work, args=(key,), daemon=True, name=f"{host} aside").start()
            return self._known.get(key, Kept(self._nothing))

    def peek(self, host: str) -> Kept[T]:
        """What is known, without asking."""
        with self._lock:
            return self._known.get((paths.config_dir(), host), Kept(self._nothing))

    def forget(self, host: str) -> None:
        """The next look reads anew."""
        with self._lock:
            self._due.pop((paths.config_dir(), host), None)

    def read_with(self, read: Callable[[str], T]) -> Callable[[str], T]:
        """Read in another way from now on, for programs that have one of their own; returns the way of before."""
        before, self._read = self._read, read
        with self._lock:
            self._known.clear()
            self._due.clear()
            self._read_at.clear()
        return before

    def _work(self, key: tuple[str, str]) -> None:
        before = self._known.get(key, Kept(self._nothing))
        try:
            kept = Kept(self._read(key[1]), time.time())
            pause = self._pause(kept.value, kept.value != before.value)
        except CycloneError as exc:
            kept, pause = Kept(before.value, before.at, str(exc)), FAILED_S
        except Exception as exc:  # noqa: BLE001  the border of a thread: told as what it is, and tried again
            kept, pause = Kept(before.value, before.at, f"{type(exc).__name__}: {exc}"), FAILED_S
        with self._lock:
            self._read_at[key] = self._clock()
            self._known[key], self._due[key] = kept, self._read_at[key] + pause
            self._reading.discard(key)
