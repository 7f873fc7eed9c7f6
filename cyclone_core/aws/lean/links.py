"""One connection to an endpoint, plain or encrypted, also through a proxy: bytes out, bytes in, nothing waited for without end."""

import os
from _socket import AF_UNSPEC, IPPROTO_TCP, MSG_PEEK, SHUT_RDWR, SOCK_STREAM, TCP_NODELAY, gaierror, getaddrinfo, socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cyclone_core.aws.patience import Patience

    Address = tuple[str, str, int]
    """scheme, host, port"""

_PIECE = 1 << 16
_OWN = ("localhost", "127.0.0.1", "[::1]", "169.254.169.254", "169.254.170.2", "169.254.170.23")
"""Nobody reaches them through a proxy."""


class NoAnswer(Exception):
    """A request that has no answer. code: as AWS's library names it; sent: whether the other end may have got and done it."""

    def __init__(self, code: str, why: str = "", sent: bool = False) -> None:
        super().__init__(why or code)
        self.code, self.why, self.sent = code, why, sent
        self.stale = False
        """Whether it was a kept connection that had been closed meanwhile."""


class _Socket(socket):
    """A socket that can be referred to weakly, as its encrypted side does, and goes quietly with the client that kept it."""

    __slots__ = ("__weakref__",)

    def __del__(self) -> None:
        self.close()


class Link:
    """A connection. Not for two threads at once."""

    __slots__ = ("_read_s", "_sock", "_tls", "has_served", "rest")

    def __init__(self, sock: socket, tls: "Any", read_s: float) -> None:
        """tls: the encrypted side of the socket, None for a plain one; read_s: so long bytes are waited for."""
        self._sock, self._tls, self._read_s = sock, tls, read_s
        sock.settimeout(read_s)
        self.has_served, self.rest = False, b""
        """Whether it has carried an answer already; bytes that were received and not read."""

    def send(self, data: "bytes | bytearray | memoryview") -> None:
        """All of it. Raises OSError."""
        if self._tls is None:
            self._sock.sendall(data)
            return
        with memoryview(data) as view:
            at = 0
            while at < len(view):
                at += self._tls.write(view[at : at + (1 << 20)])

    def receive(self) -> bytes:
        """Some bytes, none at the end of the stream. Raises OSError (TimeoutError)."""
        if self._tls is None:
            return self._sock.recv(_PIECE)
        try:
            data: bytes = self._tls.read(_PIECE)
        except OSError as exc:
            if type(exc).__name__ in ("SSLZeroReturnError", "SSLEOFError"):
                return b""
            raise
        return data

    def is_usable(self) -> bool:
        """Whether the other end still waits for a request: it has neither closed nor said anything unasked."""
        self._sock.settimeout(0)  # MSG_DONTWAIT is not enough: Python waits before it asks
        try:
            self._sock.recv(1, MSG_PEEK)
        except BlockingIOError:
            self._sock.settimeout(self._read_s)
            return True
        except OSError:
            return False
        return False

    def close(self) -> None:
        """Leave at once."""
        try:
            self._sock.shutdown(SHUT_RDWR)
        except OSError:
            pass
        self._sock.close()


def connect(address: "Address", patience: "Patience") -> Link:
    """A new connection. Raises NoAnswer: nothing was sent."""
    scheme, host, port = address
    proxy = _proxy(scheme, host)
    sock = _dial(*_place(proxy), patience.connect_s, proxy) if proxy else _dial(host, port, patience.connect_s)
    try:
        if proxy and scheme == "https":
            _tunnel(sock, proxy, host, port)
        encrypted = _encrypt(sock, host) if scheme == "https" else None
    except BaseException as exc:
        sock.close()
        if isinstance(exc, NoAnswer) and exc.code == "SSLError" and not exc.why:  # its authority may be one that was not looked at
            return connect(address, patience)
        raise
    return Link(sock, encrypted, patience.read_s)


def forwards(scheme: str, host: str) -> bool:
    """Whether requests go to a proxy, which wants the whole URL of each."""
    return scheme == "http" and bool(_proxy(scheme, host))


def _dial(host: str, port: int, seconds: float, proxy: str = "") -> socket:
    try:
        places = getaddrinfo(host.strip("[]").encode(), port, AF_UNSPEC, SOCK_STREAM)  # bytes: of text Python makes IDNA, 5 ms
    except (gaierror, UnicodeError, OverflowError) as exc:
        raise NoAnswer("ProxyConnectionError" if proxy else "EndpointConnectionError", f"{host} has no address") from exc
    why: OSError | None = None
    for family, kind, protocol, _, place in places:
        sock = _Socket(family, kind, protocol)
        sock.settimeout(seconds)
        try:
            sock.connect(place)
            sock.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        except OSError as exc:
            why = exc
            sock.close()
        else:
            return sock
    if proxy:
        raise NoAnswer("ProxyConnectionError") from why
    raise NoAnswer("ConnectTimeoutError" if isinstance(why, TimeoutError) else "EndpointConnectionError") from why


def _encrypt(sock: socket, host: str) -> "Any":
    from cyclone_core.aws.lean import tls

    try:
        return tls.wrap(sock, host.strip("[]"))
    except TimeoutError as exc:
        raise NoAnswer("ConnectTimeoutError") from exc
    except tls.Unusable as exc:
        raise NoAnswer("SSLError", str(exc)) from exc
    except OSError as exc:
        if type(exc).__name__.startswith("SSL") and type(exc).__name__ not in ("SSLEOFError", "SSLZeroReturnError", "SSLSyscallError"):
            raise NoAnswer("SSLError", _why_not_accepted(exc)) from exc
        raise NoAnswer("EndpointConnectionError") from exc


def _why_not_accepted(exc: OSError) -> str:
    """ "" where another look with all authorities may help."""
    from cyclone_core.aws.lean import tls

    if not tls.is_unknown_authority(exc):
        return str(exc.args[-1])
    return "" if tls.load_all() else f"{exc.args[-1]}; AWS_CA_BUNDLE names the authorities that count"


# -- proxies ----------------------------------------------------------------------------------------------------------
def _proxy(scheme: str, host: str) -> str:
    """URL of the proxy for a host, "" for none; the variables are those that everybody reads."""
    names = ("HTTPS_PROXY", "https_proxy") if scheme == "https" else ("http_proxy",)
    found = next((os.environ[name] for name in names if os.environ.get(name)), "")
    if not found or host in _OWN:
        return ""
    for entry in (os.environ.get("NO_PROXY") or os.environ.get("no_proxy") or "").split(","):
        domain = entry.strip().lstrip("*").lstrip(".")
        if entry.strip() == "*" or (domain and (host == domain or host.endswith(f".{domain}"))):
            return ""
    return found


def _place(proxy: str) -> "tuple[str, int]":
    """Host and port of a proxy's URL."""
    scheme, _, rest = proxy.partition("://") if "://" in proxy else ("http", "", proxy)
    name, _, port = rest.split("/", 1)[0].rpartition("@")[2].partition(":")
    if scheme.lower() != "http":
        raise NoAnswer("ProxyConnectionError", f"proxies are reached by http here, and the variable says {scheme}")
    return name, int(port) if port.isdecimal() else 80


def _tunnel(sock: socket, proxy: str, host: str, port: int) -> None:
    """Have the proxy connect us with a host."""
    user = proxy.partition("://")[2].split("/", 1)[0].rpartition("@")[0] if "://" in proxy else proxy.rpartition("@")[0]
    lines = [f"CONNECT {host}:{port} HTTP/1.1", f"Host: {host}:{port}"]
    if user:
        from base64 import b64encode
        from urllib.parse import unquote_to_bytes

        lines.append(f"Proxy-Authorization: Basic {b64encode(unquote_to_bytes(user)).decode()}")
    try:
        sock.sendall("\r\n".join([*lines, "", ""]).encode())
        answer = b""
        while b"\r\n\r\n" not in answer and len(answer) < _PIECE:
            piece = sock.recv(1)  # not one byte of what follows
            if not piece:
                break
            answer += piece
    except OSError as exc:
        raise NoAnswer("ProxyConnectionError") from exc
    if answer.split(b" ", 2)[1:2] != [b"200"]:
        raise NoAnswer("ProxyConnectionError", f"it refuses a way to {host}: {answer.split(chr(13).encode())[0].decode('latin-1')}")
