"""Runs what may take long on a thread that nobody waits for: a question to AWS must not hold up leaving the program.

The executor of the event loop, and every pool of threads, is waited for at the end of a Python program; such threads are not.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import ParamSpec, TypeVar

from cyclone_core.operations import lines

T = TypeVar("T")
P = ParamSpec("P")


def begin(act: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
    """Run it on a thread of its own."""
    future: Future[T] = Future()
    threading.Thread(target=lines.run, args=(lambda: act(*args, **kwargs), future), daemon=True, name="aside").start()
    return future


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
