"""The worker's connection to its supervisor: one at a time, lost and found again."""

import os
import select
import sys

from cyclone_core import wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from cyclone_core.wire import Message


class Link:
    """Messages from and to the supervisor. `handle` gets each message, `lost` is called when the other end is gone."""

    __slots__ = ("_channel", "_handle", "_handlers", "_lost", "_path", "_poll")

    def __init__(
        self,
        path: str,
        poll: select.epoll,
        handlers: "dict[int, Callable[[int], None]]",
        handle: "Callable[[Message], None]",
        lost: "Callable[[], None]",
    ) -> None:
        self._path, self._poll, self._handlers, self._handle, self._lost = path, poll, handlers, handle, lost
        self._channel: wire.Channel | None = None

    @property
    def up(self) -> bool:
        """Whether there is a connection."""
        return self._channel is not None

    def open(self) -> bool:
        """Connect; False when nobody listens, or a stranger does: marshal must not read a stranger's bytes."""
        try:
            sock = wire.connect(self._path)
        except OSError:
            return False
        if wire.peer_uid(sock) != os.geteuid():
            sys.stderr.write(f"the process that listens at {self._path} belongs to another user: not connected\n")
            sock.close()
            return False
        self._channel = channel = wire.Channel(sock)
        self._handlers[channel.fd] = self._ready
        self._poll.register(channel.fd, select.EPOLLIN)
        return True

    def send(self, message: "Message") -> None:
        """Send, now or when the socket has room; without a connection the message is dropped."""
        if self._channel is None:
            return
        try:
            if not self._channel.send(message):
                self._poll.modify(self._channel.fd, select.EPOLLIN | select.EPOLLOUT)
        except wire.Closed:
            self._close()

    def finish(self) -> None:
        """Send all that waits, however long that takes, and close."""
        channel = self._channel
        if channel:
            try:
                channel.sock.setblocking(True)
                channel.flush()
            except wire.Closed:
                pass
            self._forget(channel)

    def _ready(self, events: int) -> None:
        channel = self._channel
        if channel is None:
            return
        try:
            if events & select.EPOLLOUT and channel.flush():
                self._poll.modify(channel.fd, select.EPOLLIN)
            if events & ~select.EPOLLOUT:
                for message in channel.receive():
                    self._handle(message)
        except wire.Closed:
            self._close()

    def _close(self) -> None:
        if self._channel:
            self._forget(self._channel)
            self._lost()

    def _forget(self, channel: wire.Channel) -> None:
        self._poll.unregister(channel.fd)
        del self._handlers[channel.fd]
        channel.close()
        self._channel = None
