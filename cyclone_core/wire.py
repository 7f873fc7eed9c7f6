"""How the processes of a local host talk: length-prefixed messages over one Unix stream socket.

A message is a tuple of plain values (`marshal` version 4: the fastest codec in the standard library, readable by every
Python this runs on). Both ends belong to one user: the socket lies in a private directory and the peer's uid is checked,
because `marshal` must never read bytes of a stranger.

Clients say one of these, each answered by one message (`("refused", [problem tuples])` in place of any):

    ("submit", [request, ...])              ("submitted", [job id, ...])      all or none; durable when answered
    ("again", [wanted, ...], key)           ("submitted", [job id, ...])      see `ports.JobStore.again`; a known key gives the same ids
    ("cancel", selector)                    ("cancelled", {...})              see `scheduler.local.door`
    ("wait", [job id, ...])                 ("ended", job, status, exit) ...  one per job as it ends
    ("put", kind, name, body, mode)         ("stored",)                       mode "create" | "update" | "any"
    ("delete", kind, name)                  ("stored",)
    ("forget", time in s)                   ("forgotten", n)                  finished jobs, a batch; ask until n is 0
    ("status",)                             ("status", {...})
    ("stop",)                               ("stopping",)

Workers connect to the same socket:

    -> ("worker", VERSION, worker id, pid, journal, journal size, running rows)
    <- ("lease", lease, stream, width, lane, chunks, jobs, specs)   run these; see `worker.tasks`, `worker.recipes`
    <- ("width", stream, width)                              the stream may run so many tasks at once from now on
    <- ("cancel", job, position or 0 for all)
    <- ("stop", grace seconds)                               end running tasks, then leave
    -> ("report", [(lease, rows, given back, reasons)])      see `journal.Row`
    -> ("running", [(lease, job, position, attempt, start_us, pid)])   tasks that have lasted a quarter of a second
"""

import marshal
from _socket import AF_UNIX, SO_PEERCRED, SOCK_STREAM, SOL_SOCKET, socket
from _struct import Struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Message = tuple[Any, ...]

VERSION = 2
"""Changes whenever a message changes: supervisor and workers of different versions do not mix."""
DAEMON = "CYCLONE_DAEMON"
"""Variable in the environment of supervisors and workers alone: a job may start one (`qsub` in a job), and it is no part of the job."""
_LENGTH = Struct("<I")
_PEER = Struct("iII")


class Closed(Exception):
    """The other end is gone."""


def encode(message: "Message") -> bytes:
    """A message as bytes on the socket."""
    body = marshal.dumps(message, 4)
    return _LENGTH.pack(len(body)) + body


class Channel:
    """One end of a connection; non-blocking unless `blocking` (clients)."""

    __slots__ = ("_inbox", "_outbox", "fd", "sock")

    def __init__(self, sock: socket, blocking: bool = False) -> None:
        sock.setblocking(blocking)
        self.sock, self.fd = sock, sock.fileno()
        self._inbox, self._outbox = b"", bytearray()

    def receive(self) -> "list[Message]":
        """Whole messages that have arrived, in order; raises Closed at the end of the stream."""
        try:
            data = self.sock.recv(1 << 18)
        except BlockingIOError:
            return []
        except OSError as exc:
            raise Closed from exc
        if not data:
            raise Closed
        inbox = self._inbox + data if self._inbox else data
        messages, at = [], 0
        while len(inbox) - at >= 4:
            (length,) = _LENGTH.unpack_from(inbox, at)
            if len(inbox) - at - 4 < length:
                break
            messages.append(marshal.loads(inbox[at + 4 : at + 4 + length]))
            at += 4 + length
        self._inbox = inbox[at:]
        return messages

    def send(self, message: "Message") -> bool:
        """Send now what the socket takes; False when a rest waits for `flush`. Raises Closed when the other end is gone."""
        self._outbox += encode(message)
        return self.flush()

    def flush(self) -> bool:
        """Send what waits; True when nothing is left."""
        out = self._outbox
        try:
            while out:
                del out[: self.sock.send(out)]
        except BlockingIOError:
            return False
        except OSError as exc:
            raise Closed from exc
        return True

    def ask(self, message: "Message") -> "Message":
        """Send and wait for one answer (blocking channels only)."""
        self.sock.sendall(encode(message))
        return self.next()

    def next(self) -> "Message":
        """Wait for one message (blocking channels only)."""
        data = self._inbox
        while len(data) < 4 or len(data) - 4 < _LENGTH.unpack_from(data)[0]:
            more = self.sock.recv(1 << 18)
            if not more:
                raise Closed
            data += more
        (length,) = _LENGTH.unpack_from(data)
        self._inbox = data[4 + length :]
        answer: Message = marshal.loads(data[4 : 4 + length])
        return answer

    def close(self) -> None:
        """Close the socket; harmless when done twice."""
        self.sock.close()


def connect(path: str) -> socket:
    """A connected socket. Raises OSError (FileNotFoundError, ConnectionRefusedError) when nobody listens."""
    sock = socket(AF_UNIX, SOCK_STREAM)
    try:
        sock.connect(path)
    except OSError:
        sock.close()
        raise
    return sock


def peer_uid(sock: socket) -> int:
    """User id of the process at the other end (Linux)."""
    return int(_PEER.unpack(sock.getsockopt(SOL_SOCKET, SO_PEERCRED, _PEER.size))[1])
