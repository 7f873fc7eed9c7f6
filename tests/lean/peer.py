"""A real HTTP server that does what a test tells it to, answer by answer: also what no proper server does."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from cyclone_core.aws.lean.client import Aws
from cyclone_core.aws.lean.credentials import Credentials
from cyclone_core.aws.patience import Patience

QUICK = Patience(connect_s=1.0, read_s=0.4, attempts=3, throttled_s=0.6, longest_wait_s=0.05)
KEYS = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")


@dataclass
class Asked:
    """A request as it arrived."""

    line: str
    headers: dict[str, str]
    body: bytes
    connection: int
    """Number of the connection that it came by, from 0."""


Script = bytes | Callable[[socket.socket], object]
"""An answer, after which the connection stays open, or what is done with the connection; it is closed where that returns False."""


@dataclass
class Peer:
    """A server on this machine."""

    port: int
    asked: list[Asked] = field(default_factory=list)
    script: list[Script] = field(default_factory=list)
    """What the next requests get, in order; the last one stays."""
    connections: int = 0

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def aws(self, **options: object) -> Aws:
        """A client of it."""
        return Aws("eu-west-1", options.pop("credentials", lambda: KEYS), self.url, patience=QUICK, **options)  # type: ignore[arg-type]

    def next(self) -> Script:
        """What is done with the next request."""
        return self.script.pop(0) if len(self.script) > 1 else self.script[0]


def good(body: bytes = b"{}", *headers: str, status: str = "200 OK") -> bytes:
    """An answer."""
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def refusal(code: str, message: str = "", status: str = "400 Bad Request", *headers: str) -> bytes:
    """An answer of a service that takes JSON."""
    return good(f'{{"__type":"com.amazonaws.x#{code}","message":"{message}"}}'.encode(), *headers, status=status)


def close(connection: socket.socket) -> bool:
    """Hang up without a word."""
    return False


@contextmanager
def peer(*script: Script) -> Iterator[Peer]:
    """A server for a moment."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        made = Peer(listening.getsockname()[1], script=list(script))
        open_ones: list[socket.socket] = []
        thread = threading.Thread(target=_accept, args=(listening, made, open_ones), daemon=True)
        thread.start()
        try:
            yield made
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            for connection in open_ones:
                connection.close()
            thread.join(5)


def _accept(listening: socket.socket, made: Peer, open_ones: list[socket.socket]) -> None:
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        open_ones.append(connection)
        number, made.connections = made.connections, made.connections + 1
        threading.Thread(target=_serve, args=(connection, made, number), daemon=True).start()


def _serve(connection: socket.socket, made: Peer, number: int) -> None:
    stream = connection.makefile("rb")
    try:
        while line := stream.readline():
            headers = {}
            while (header := stream.readline().strip()) != b"":
                name, _, value = header.decode("latin-1").partition(": ")
                headers[name.lower()] = value
            body = stream.read(int(headers.get("content-length", "0")))
            made.asked.append(Asked(line.decode().strip(), headers, body, number))
            what = made.next()
            if callable(what):
                if what(connection) is False:
                    break
            else:
                connection.sendall(what)
    except OSError:
        pass
    finally:
        stream.close()
        connection.close()
