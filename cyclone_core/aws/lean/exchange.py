"""HTTP/1.1 over a link: one request out, one answer in. What is no proper answer is no answer."""

from cyclone_core.aws.lean.links import NoAnswer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, BinaryIO

    from cyclone_core.aws.lean.links import Link

_MOST_HEAD = 1 << 17
_PIECE = 1 << 20
_SMALL = 1 << 16


class Body:
    """What is sent with a request: bytes, or `size` bytes of a file from where it stands at first."""

    __slots__ = ("_at", "_file", "data", "size")

    def __init__(self, data: bytes = b"", file: "BinaryIO | None" = None, size: int = 0) -> None:
        self.data, self._file = data, file
        self._at, self.size = (file.tell(), size) if file else (0, len(data))

    def pieces(self) -> "Iterator[bytes]":
        """All of it, each time from its beginning. Raises OSError when the file has become shorter."""
        if self._file is None:
            for at in range(0, self.size, _PIECE):  # each may take as long as a connection may be silent
                yield self.data[at : at + _PIECE]
            return
        self._file.seek(self._at)
        left = self.size
        while left:
            piece = self._file.read(min(left, _PIECE))
            if not piece:
                raise OSError(f"the file has become shorter while it was read: {left} bytes are missing")
            left -= len(piece)
            yield piece


class Answer:
    """An answer: status, headers (names in small letters), and the body unless it went somewhere else."""

    __slots__ = ("body", "headers", "json", "size", "status")

    def __init__(self, status: int, headers: "dict[str, str]", body: bytes, size: int) -> None:
        self.status, self.headers, self.body, self.size = status, headers, body, size
        self.json: Any = {}
        """What the body says, where it is JSON, or XML of EC2."""


def exchange(
    link: "Link", head: bytes, body: Body, has_body: bool, into: "Callable[[bytes], object] | None" = None
) -> "tuple[Answer, bool]":
    """Send a request; its answer, and whether the link can serve another one. has_body: False for answers to HEAD.

    into: takes the body of a good answer piece by piece, in place of `Answer.body`. Raises NoAnswer, and what `into` and the file raise.
    """
    is_whole = _send(link, head, body)
    reader = _Reader(link)
    status, headers = reader.head()
    while 100 <= status < 200:
        status, headers = reader.head()
    pieces = reader.pieces(status, headers) if has_body else iter(())
    if into is not None and status < 300:
        size = 0
        for piece in pieces:
            into(piece)
            size += len(piece)
        answer = Answer(status, headers, b"", size)
    else:
        data = b"".join(pieces)
        answer = Answer(status, headers, data, len(data))
    link.has_served = True
    return answer, is_whole and reader.can_go_on and headers.get("connection", "").lower() != "close"


def _send(link: "Link", head: bytes, body: Body) -> bool:
    """Send all of a request; False when the other end did not take all of it: its answer, if there is one, says why."""
    if body.size <= _SMALL and body.data:  # one packet where it fits
        return _sent(link, head + body.data)
    if not _sent(link, head):
        return False
    return all(_sent(link, piece) for piece in body.pieces())


def _sent(link: "Link", data: bytes) -> bool:
    try:
        link.send(data)
    except TimeoutError as exc:
        raise NoAnswer("ReadTimeoutError", "it does not take the request", sent=True) from exc
    except OSError:
        return False
    return True


class _Reader:
    """Reads one answer from a link; what comes after it stays in `link.rest`."""

    def __init__(self, link: "Link") -> None:
        self._link = link
        self.can_go_on = True
        """Whether the end of the answer was found without the end of the stream."""

    def head(self) -> "tuple[int, dict[str, str]]":
        """Status and headers."""
        data = self._until(b"\r\n\r\n", _MOST_HEAD)
        first, *lines = data.decode("latin-1").split("\r\n")
        words = first.split(" ", 2)
        if len(words) < 2 or not words[0].startswith("HTTP/1.") or len(words[1]) != 3 or not words[1].isdecimal():
            raise NoAnswer("BadAnswer", f"it answers with {first[:60]!r}, which is no HTTP", sent=True)
        if words[0] == "HTTP/1.0":
            self.can_go_on = False
        return int(words[1]), {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}

    def pieces(self, status: int, headers: "dict[str, str]") -> "Iterator[bytes]":
        """The body as it arrives."""
        if status in (204, 304):
            return iter(())
        if headers.get("transfer-encoding", "").lower().endswith("chunked"):
            return self._chunks()
        length = headers.get("content-length")
        if length is None:
            return self._to_the_end()
        if not length.isdecimal():
            raise NoAnswer("BadAnswer", f"it tells the length {length[:20]!r}", sent=True)
        return self._exactly(int(length))

    def _chunks(self) -> "Iterator[bytes]":
        while True:
            size = self._until(b"\r\n", 4096).split(b";")[0].strip()
            try:
                left = int(size, 16)
            except ValueError:
                raise NoAnswer("BadAnswer", f"a part of its answer has the length {size[:20]!r}", sent=True) from None
            if left < 0:
                raise NoAnswer("BadAnswer", "a part of its answer has a negative length", sent=True)
            if left == 0:
                break
            yield from self._exactly(left)
            self._until(b"\r\n", 2)
        while self._until(b"\r\n", _MOST_HEAD):  # trailers
            pass

    def _exactly(self, left: int) -> "Iterator[bytes]":
        link = self._link
        while left:
            piece = link.rest or self._more()
            link.rest, piece = piece[left:], piece[:left]
            left -= len(piece)
            yield piece

    def _to_the_end(self) -> "Iterator[bytes]":
        self.can_go_on = False
        while piece := self._link.rest or self._receive():
            self._link.rest = b""
            yield piece

    def _until(self, end: bytes, most: int) -> bytes:
        """Bytes before an end, which is left out; most: that are looked through."""
        data, looked = self._link.rest, 0
        while (at := data.find(end, looked)) < 0:
            if len(data) > most:
                raise NoAnswer("BadAnswer", "its answer has no end of headers", sent=True)
            looked = max(0, len(data) - len(end))
            data += self._more()
        self._link.rest = data[at + len(end) :]
        return data[:at]

    def _more(self) -> bytes:
        data = self._receive()
        if not data:
            raise NoAnswer("ConnectionClosedError", sent=True)
        return data

    def _receive(self) -> bytes:
        try:
            return self._link.receive()
        except TimeoutError as exc:
            raise NoAnswer("ReadTimeoutError", sent=True) from exc
        except OSError as exc:
            raise NoAnswer("ConnectionClosedError", sent=True) from exc
