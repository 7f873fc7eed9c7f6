"""The supervisor's socket: taking connections of this user, whole messages in, messages out, hanging up.

It knows nothing of what the messages say: `take_in(channel, message)` gets each one, `gone(channel)` each connection that ended. However
many clients there are, KEPT_DESCRIPTORS stay free for files; the others wait in the kernel's queue.
"""

import errno
import os
import select
import time
from _socket import AF_UNIX, SOCK_STREAM, socket

from cyclone_core import wire
from cyclone_core.scheduler.local import pool

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from cyclone_core.wire import Channel, Message

KEPT_DESCRIPTORS = 64
"""So many are not given to connections: files, journals and /proc must be readable however many clients there are."""
ACCEPT_AGAIN_S = 1.0
"""Pause after a connection could not be taken."""


class Connections:
    """See the module. `poll` may watch other descriptors too; `accept_again_at`: monotonic time, 0 = connections are taken."""

    def __init__(self, path: str, take_in: "Callable[[Channel, Message], None]", gone: "Callable[[Channel], None]") -> None:
        self._take_in, self._gone = take_in, gone
        self.poll = select.epoll()
        self.listener = listen(path)
        self.poll.register(self.listener, select.EPOLLIN)
        self.channels: dict[int, Channel] = {}
        self.most = max(8, pool.allow_descriptors() - KEPT_DESCRIPTORS)
        self.accept_again_at = 0.0

    def handle(self, fd: int, event: int) -> str:
        """Something happened on a descriptor. Returns why a connection could not be taken, "" when all is well."""
        if fd == self.listener.fileno():
            return self._accept()
        self._hear(fd, event)
        return ""

    def accept_again(self) -> None:
        """The pause is over."""
        self.accept_again_at = 0.0
        self.poll.register(self.listener, select.EPOLLIN)

    def is_open(self, channel: "Channel") -> bool:
        """Whether it is still this connection; its descriptor's number may be another one's by now."""
        return self.channels.get(channel.fd) is channel

    def say(self, channel: "Channel", message: "Message") -> None:
        """Send; what the socket does not take now follows when it can."""
        try:
            if not channel.send(message):
                self.poll.modify(channel.fd, select.EPOLLIN | select.EPOLLOUT)
        except (wire.Closed, ValueError):
            self.hang_up(channel)

    def hang_up(self, channel: "Channel") -> None:
        """End a connection; harmless when it has ended."""
        if not self.is_open(channel):
            return
        del self.channels[channel.fd]
        self.accept_again_at = self.accept_again_at and time.monotonic()
        self.poll.unregister(channel.fd)
        channel.close()
        self._gone(channel)

    def _accept(self) -> str:
        while True:
            try:
                if len(self.channels) >= self.most:
                    raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
                fd, _ = self.listener._accept()  # type: ignore[attr-defined]
            except BlockingIOError:
                return ""
            except OSError as exc:
                self.poll.unregister(self.listener)
                self.accept_again_at = time.monotonic() + ACCEPT_AGAIN_S
                return exc.strerror or str(exc)
            sock = socket(AF_UNIX, SOCK_STREAM, 0, fileno=fd)
            if wire.peer_uid(sock) != os.geteuid():
                sock.close()
                continue
            self.channels[fd] = wire.Channel(sock)
            self.poll.register(fd, select.EPOLLIN)
            self._hear(fd, select.EPOLLIN)

    def _hear(self, fd: int, event: int) -> None:
        channel = self.channels.get(fd)
        if channel is None:
            return
        try:
            if event & select.EPOLLOUT and channel.flush():
                self.poll.modify(fd, select.EPOLLIN)
            messages = channel.receive()
        except (wire.Closed, ValueError, EOFError, TypeError):  # gone, or not our protocol
            self.hang_up(channel)
            return
        for message in messages:
            if not isinstance(message, tuple) or not message or not isinstance(message[0], str):
                self.hang_up(channel)
            if not self.is_open(channel):
                return
            self._take_in(channel, message)


def listen(path: str) -> socket:
    """The host's socket. The supervisor holds the host's lock, so an old one at this path is dead."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
    sock = socket(AF_UNIX, SOCK_STREAM)
    sock.bind(path)
    os.chmod(path, 0o600)
    sock.listen(4096)
    sock.setblocking(False)
    return sock
