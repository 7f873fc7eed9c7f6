"""Encrypted connections: whoever cannot prove to be the endpoint gets no request; proxies are asked for a way to it."""

import os
import select
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import cyclone_core
from cyclone_core.aws.lean import tls
from cyclone_core.aws.lean.client import Aws
from cyclone_core.errors import RegionUnavailable
from tests.lean.peer import KEYS, QUICK, good

pytest.importorskip("cryptography", reason="certificates are made with it")
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

PACKAGES = str(Path(cyclone_core.__file__).parents[1])


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the key and the certificate of `localhost`, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.DNSName("aws.test")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "localhost.pem"
    plain = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(plain + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture(autouse=True)
def _no_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither proxies nor authorities of whoever runs the tests count."""
    for name in (
        "AWS_CA_BUNDLE",
        "REQUESTS_CA_BUNDLE",
        "SSL_CERT_DIR",
        "SSL_CERT_FILE",
        "HTTPS_PROXY",
        "https_proxy",
        "NO_PROXY",
        "no_proxy",
    ):
        monkeypatch.delenv(name, raising=False)


@contextmanager
def encrypted(certificate: Path, connections: list[int]) -> Iterator[int]:
    """A server that answers every request well; connections: gets the number of requests of each."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=_accept, args=(listening, context, connections), daemon=True).start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)


def _accept(listening: socket.socket, context: ssl.SSLContext, connections: list[int]) -> None:
    while True:
        try:
            raw, _ = listening.accept()
        except OSError:
            return
        try:
            with raw, context.wrap_socket(raw, server_side=True) as connection:
                count = 0
                connections.append(count)
                while b"\r\n\r\n" in connection.recv(65536):
                    connections[-1] += 1
                    connection.sendall(good(b'{"a":1}'))
        except OSError:
            pass


def ask(port: int, host: str = "localhost") -> Aws:
    """A client that has got two answers."""
    aws = Aws("eu-west-1", lambda: KEYS, f"https://{host}:{port}", patience=QUICK)
    assert [aws.dynamodb("ListTables") for _ in range(2)] == [{"a": 1}, {"a": 1}]
    aws.close()
    return aws


def test_a_known_authority(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Named by AWS_CA_BUNDLE; connections are kept."""
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    connections: list[int] = []
    with encrypted(certificate, connections) as port:
        ask(port)
    assert connections == [2]


def test_an_unknown_authority(certificate: Path) -> None:
    """No request is sent, not even a second handshake tried with the same authorities."""
    connections: list[int] = []
    with encrypted(certificate, connections) as port:
        with pytest.raises(RegionUnavailable, match=r"its certificate is not accepted .*self.signed"):
            ask(port)
        with pytest.raises(RegionUnavailable, match=r"its certificate is not accepted .*self.signed"):
            ask(port)
    assert sum(connections) == 0
    assert not tls.load_all()


def test_another_name(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A good certificate of somebody else."""
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    connections: list[int] = []
    with encrypted(certificate, connections) as port, pytest.raises(RegionUnavailable, match=r"certificate is not accepted .*127\.0\.0\.1"):
        ask(port, "127.0.0.1")
    assert sum(connections) == 0


def test_a_bundle_that_is_not_there(certificate: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Is named."""
    monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "none.pem"))
    with encrypted(certificate, []) as port, pytest.raises(RegionUnavailable, match="AWS_CA_BUNDLE"):
        ask(port)


@contextmanager
def proxy(answer: bytes, to: int, seen: list[bytes]) -> Iterator[str]:
    """A proxy that answers so, and connects with a port of this machine."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    client, _ = listening.accept()
                except OSError:
                    return
                seen.append(client.recv(65536))
                client.sendall(answer)
                if b" 200 " not in answer:
                    client.close()
                    continue
                _join(client, socket.create_connection(("127.0.0.1", to)))

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://us%40er:pass@127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)


def _join(client: socket.socket, server: socket.socket) -> None:
    """Pass bytes on in both directions until one side has ended."""
    with client, server:
        other = {client: server, server: client}
        while True:
            for one in select.select(list(other), [], [])[0]:
                data = one.recv(65536)
                if not data:
                    return
                other[one].sendall(data)


def test_through_a_proxy(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It only passes on what is encrypted from end to end."""
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    seen: list[bytes] = []
    with encrypted(certificate, []) as port, proxy(b"HTTP/1.1 200 Connection established\r\n\r\n", port, seen) as url:
        monkeypatch.setenv("HTTPS_PROXY", url)
        ask(443, "aws.test")
    assert seen[0].startswith(b"CONNECT aws.test:443 HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic dXNAZXI6cGFzcw==\r\n" in seen[0]
    assert len(seen) == 1


def test_a_proxy_that_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Is told; hosts that need none are asked directly."""
    seen: list[bytes] = []
    with proxy(b"HTTP/1.1 407 Authentication Required\r\n\r\n", 0, seen) as url:
        monkeypatch.setenv("HTTPS_PROXY", url)
        with pytest.raises(RegionUnavailable, match=r"the proxy .HTTPS_PROXY. does not answer"):
            ask(443, "aws.test")
        monkeypatch.setenv("NO_PROXY", "other, .test")
        count = len(seen)
        with pytest.raises(RegionUnavailable, match="no connection could be made"):
            ask(443, "aws.test")
    assert len(seen) == count


@pytest.mark.parametrize("variable", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])
def test_files_of_authorities(certificate: Path, variable: str) -> None:
    """Those that everybody reads, in a process that has seen no other."""
    code = (
        f"import sys; sys.path.insert(0, {PACKAGES!r})\n"
        "from cyclone_core.aws.lean.client import Aws\n"
        "from cyclone_core.aws.lean.credentials import Credentials\n"
        "print(Aws('eu-west-1', lambda: Credentials('a', 'b'), sys.argv[1]).dynamodb('ListTables'))"
    )
    with encrypted(certificate, []) as port:
        command = [sys.executable, "-ISE", "-c", code, f"https://localhost:{port}"]
        done = subprocess.run(command, env={**os.environ, variable: str(certificate)}, capture_output=True, text=True, check=False)
    assert done.stdout == "{'a': 1}\n", done.stderr
