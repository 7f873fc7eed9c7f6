"""How the application ends when it is told to from outside: SIGTERM, or SIGHUP of a lost connection.

The terminal is given back as with `q`; nothing else is lost, since all work is in the supervisor. A terminal that is gone may keep the
application from ending properly: then it ends all the same.
"""

import asyncio
import os
import signal
import threading
from collections.abc import Callable

SIGNALS = (signal.SIGTERM, signal.SIGHUP)
PATIENCE_S = 3.0
"""So long the terminal has to take what restores it."""


def end_on_signals(leave: Callable[[int], None]) -> None:
    """From now on these signals call `leave` with the exit code, on the loop's thread. Call it on the main thread, in the loop."""
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, _end, leave, 128 + number)


def _end(leave: Callable[[int], None], code: int) -> None:
    last = threading.Timer(PATIENCE_S, os._exit, (code,))
    last.daemon = True
    last.start()
    leave(code)
