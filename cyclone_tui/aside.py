"""Runs what may take long on a thread that nobody waits for: a question to AWS must not hold up leaving the program.

The executor of the event loop, and every pool of threads, is waited for at the end of a Python program; such threads are not.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import ParamSpec, TypeVar

T = TypeVar("T")
P = ParamSpec("P")


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
        self._calls.put(lambda: _run(act, future))
        return future

    def shutdown(self, wait: bool = False) -> None:
        """Begin nothing new; what was submitted is done. Nobody waits."""
        self._closed = True
        self._calls.put(None)

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            call()


def begin(act: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
    """Run it on a thread of its own."""
    future: Future[T] = Future()
    threading.Thread(target=_run, args=(lambda: act(*args, **kwargs), future), daemon=True, name="aside").start()
    return future


def _run(act: Callable[[], T], future: "Future[T]") -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = act()
    except BaseException as exc:  # noqa: BLE001  raised again by whoever waits
        future.set_exception(exc)
    else:
        future.set_result(result)


async def wait(act: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The same, for whoever waits for what comes of it; who is cancelled meanwhile waits no longer, and it goes on."""
    future = asyncio.get_running_loop().create_future()
    loop = asyncio.get_running_loop()

    def told(done: "Future[T]") -> None:
        try:
            loop.call_soon_threadsafe(_hand_over, done, future)
        except RuntimeError:
            return  # the program is over

    begin(act, *args, **kwargs).add_done_callback(told)
    result: T = await future
    return result


def _hand_over(done: "Future[T]", future: "asyncio.Future[T]") -> None:
    if future.done():
        return
    error = done.exception()
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(done.result())
