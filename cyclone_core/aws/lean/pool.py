"""Connections that are kept open for the next request. Threads share it; a child process after a fork begins with none."""

import os
from _thread import allocate_lock

from cyclone_core.aws.lean.exchange import exchange
from cyclone_core.aws.lean.links import NoAnswer, connect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from cyclone_core.aws.lean.exchange import Answer, Body
    from cyclone_core.aws.lean.links import Address, Link
    from cyclone_core.aws.patience import Patience

MOST_IDLE = 32
"""Connections to an endpoint that are kept while nobody uses them."""


class Pool:
    """Open connections by address."""

    def __init__(self, patience: "Patience") -> None:
        self._patience = patience
        self._lock, self._owner = allocate_lock(), os.getpid()
        self._idle: dict[Address, list[Link]] = {}

    def ask(
        self, address: "Address", head: bytes, body: "Body", has_body: bool = True, into: "Callable[[bytes], object] | None" = None
    ) -> "Answer":
        """The answer to one request, over a kept connection or a new one.

        Raises NoAnswer (`stale`: a kept connection had been closed meanwhile), and what reading and writing files raises.
        """
        link = self._take(address) or connect(address, self._patience)
        try:
            answer, can_go_on = exchange(link, head, body, has_body, into)
        except BaseException as exc:
            if isinstance(exc, NoAnswer):
                exc.stale = link.has_served and exc.code == "ConnectionClosedError"
            link.close()
            raise
        if can_go_on:
            self._give(address, link)
        else:
            link.close()
        return answer

    def close(self) -> None:
        """End all idle connections."""
        with self._lock:
            idle, self._idle = self._idle, {}
        for links in idle.values():
            for link in links:
                link.close()

    def _take(self, address: "Address") -> "Link | None":
        while True:
            with self._lock:
                if self._owner != os.getpid():  # the parent's connections are not ours
                    self._idle, self._owner = {}, os.getpid()
                links = self._idle.get(address)
                link = links.pop() if links else None
            if link is None or link.is_usable():
                return link
            link.close()

    def _give(self, address: "Address", link: "Link") -> None:
        with self._lock:
            links = self._idle.setdefault(address, [])
            if len(links) < MOST_IDLE and self._owner == os.getpid():
                links.append(link)
                return
        link.close()
