"""Threads that nobody waits for at the end of a program: they may be waiting for the network themselves."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TypeVar

T = TypeVar("T")


class Line:
    """A thread that runs one thing after the other."""

    def __init__(self, name: str) -> None:
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._closed = False
        threading.Thread(target=self._run, daemon=True, name=name).start()

    def submit(self, act: Callable[[], T]) -> "Future[T]":
        """Run it after those before it. Raises RuntimeError when this was closed."""
        if self._closed:
            raise RuntimeError("nothing is begun any more")
        future: Future[T] = Future()
        self._calls.put(lambda: run(act, future))
        return future

    def shutdown(self, wait: bool = False) -> None:
        """Begin nothing new; what was submitted is done. Nobody waits."""
        self._closed = True
        self._calls.put(None)

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            call()


def run(act: Callable[[], T], future: "Future[T]") -> None:
    """Fill in what comes of it."""
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = act()
    except BaseException as exc:  # noqa: BLE001  raised again by whoever waits
        future.set_exception(exc)
    else:
        future.set_result(result)
