"""Requests to AWS beside the loop: functions run in a few threads, what comes of them is taken in by the loop's own thread.

So nothing but the loop touches what the supervisor knows, and no lock is needed for it. Lean.
"""

import os
from _collections import deque  # type: ignore[import-not-found]  # `collections` loads five other modules
from _queue import SimpleQueue
from _thread import start_new_thread

from cyclone_core.errors import CycloneError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Done = Callable[[Any, "CycloneError | OSError | None"], None]
    """Gets the function's result, or what it raised."""


class Arrivals:
    """What came of calls, in order of arrival. `descriptor` is readable while there is something."""

    __slots__ = ("_found", "descriptor")

    def __init__(self) -> None:
        self.descriptor = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._found: deque[tuple[Done, Any, BaseException | None]] = deque()

    def add(self, done: "Done", result: "Any", error: "BaseException | None") -> None:
        """From any thread."""
        self._found.append((done, result, error))
        os.eventfd_write(self.descriptor, 1)

    def take_in(self) -> None:
        """Hand each result to whoever waits for it. An error that nobody expects is raised here: the process cannot go on."""
        try:
            os.eventfd_read(self.descriptor)
        except BlockingIOError:
            return
        while self._found:
            done, result, error = self._found.popleft()
            if error is not None and not isinstance(error, CycloneError | OSError):
                raise error
            done(result, error)


class Calls:
    """A few threads for calls of one kind. They are made when they are needed and live as long as the process."""

    __slots__ = ("_arrivals", "_asked", "_most", "_threads", "open")

    def __init__(self, arrivals: Arrivals, threads: int) -> None:
        self._arrivals, self._most, self._threads = arrivals, threads, 0
        self._asked: SimpleQueue[tuple[Callable[..., Any], tuple[Any, ...], Done]] = SimpleQueue()
        self.open = 0
        """calls whose results have not been taken in"""

    def start(self, function: "Callable[..., Any]", *arguments: "Any", done: "Done") -> None:
        """Call a function in a thread, `done` in the loop. Calls of one kind may overtake each other."""
        self.open += 1
        self._asked.put((function, arguments, done))
        if self.open > self._threads < self._most:
            self._threads += 1
            start_new_thread(self._serve, ())

    def _serve(self) -> None:
        while True:
            function, arguments, done = self._asked.get()
            result, error = None, None
            try:
                result = function(*arguments)
            except BaseException as exc:  # noqa: BLE001  the border of a thread: the loop decides what it means
                error = exc
            self._arrivals.add(self._counted(done), result, error)

    def _counted(self, done: "Done") -> "Done":
        def taken_in(result: "Any", error: "CycloneError | OSError | None") -> None:
            self.open -= 1
            done(result, error)

        return taken_in
