"""Hosts are opened as the registry and the sandbox wrote them, for a few milliseconds."""

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import cyclone_core
from cyclone_core import naming, paths
from cyclone_core.aws.lean import sandbox as lean_sandbox
from cyclone_core.aws.lean.hosts import open_host
from cyclone_core.errors import CredentialsUnusable, HostUnavailable, NotFound, StateUnusable
from cyclone_core.host_registry import HostRegistry
from cyclone_core.operations import sandbox
from cyclone_core.resources import Host
from cyclone_core.sandbox import settings

PACKAGES = str(Path(cyclone_core.__file__).parents[1])
ACCOUNT = "123456789012"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of its own."""
    monkeypatch.setenv("CYCLONE_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def add(**options: object) -> None:
    """Register a host `grid`."""
    HostRegistry().add(Host.model_validate({"name": "grid", "type": "aws", "account": ACCOUNT, "region": "eu-west-1", **options}))


@contextmanager
def running(port: int) -> Iterator[None]:
    """What a sandbox writes while it serves, and the lock that it holds."""
    found = sandbox.directory()
    found.root.mkdir(parents=True)
    with open(found.lock, "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found.write_running(settings.Running(os.getpid(), port, time.time(), "processes"))
        found.credentials.write_text(f"[{settings.PROFILE}]\naws_access_key_id = AK\naws_secret_access_key = s\n")
        yield


def test_a_host_in_an_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names are those that its stacks give; the profile is the host's."""
    add(profile="work")
    host = open_host("grid")
    assert (host.name, host.account, host.region, host.endpoint) == ("grid", ACCOUNT, "eu-west-1", None)
    assert (host.table, host.bucket) == (naming.jobs_table("grid"), naming.data_bucket("grid", ACCOUNT, "eu-west-1"))
    with pytest.raises(CredentialsUnusable, match="no profile work"):
        host.aws.dynamodb("ListTables")


def test_a_host_on_the_sandbox() -> None:
    """Its port and keys are those of now."""
    add(sandbox=True)
    with running(4711):
        assert open_host("grid").endpoint == sandbox.status().directory.running().endpoint == "http://127.0.0.1:4711"  # type: ignore[union-attr]
        assert lean_sandbox.credentials().key == "AK"
    assert lean_sandbox.PROFILE == settings.PROFILE


def test_the_sandbox_has_stopped() -> None:
    """How to start it."""
    add(sandbox=True)
    with running(4711):
        pass
    with pytest.raises(HostUnavailable, match=r"the host grid is on the sandbox .* Start it: hyper sandbox start"):
        open_host("grid")


@pytest.mark.parametrize("name", ["nope", "", "../x", ".x", "a\0b"])
def test_a_host_that_is_not_there(name: str) -> None:
    """And names that are none."""
    with pytest.raises(NotFound, match="hyper hosts list-hosts"):
        open_host(name)


@pytest.mark.parametrize(("text", "why"), [("{", "is no JSON"), ('{"type":"aws","account":"1"}', "names no region")])
def test_a_broken_file(text: str, why: str) -> None:
    """Is named, with what to do."""
    path = Path(paths.config_dir(), "hosts", "grid.json")
    path.parent.mkdir(parents=True)
    path.write_text(text)
    with pytest.raises(StateUnusable, match=f"{path}.*{why}.*rm '"):
        open_host("grid")


def test_a_host_of_this_machine() -> None:
    """Is no AWS host."""
    HostRegistry().add(Host(name="grid"))
    with pytest.raises(NotFound, match="no AWS host"):
        open_host("grid")


def test_what_a_request_loads() -> None:
    """C modules and our own: none of the libraries whose import takes longer than the request."""
    add(sandbox=True)
    code = (
        f"import sys; sys.path.insert(0, {PACKAGES!r})\n"
        "from cyclone_core.aws.lean.hosts import open_host\n"
        "from cyclone_core.errors import AwsError\n"
        "try:\n    open_host('grid').aws.dynamodb('GetItem', TableName='t')\n"
        "except AwsError as exc:\n    assert exc.code == 'ResourceNotFoundException', exc\n"
        "print(*sorted(name for name in sys.modules if not name.startswith(('cyclone', '_'))))"
    )
    from tests.lean.peer import peer, refusal

    with peer(refusal("ResourceNotFoundException")) as server, running(server.port):
        done = subprocess.run([sys.executable, "-ISE", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lean = {"abc", "builtins", "codecs", "encodings", "encodings.aliases", "encodings.utf_8", "fcntl", "genericpath", "io", "marshal", "os"}
    assert set(done.stdout.split()) <= lean | {"os.path", "posix", "posixpath", "stat", "sys", "time", "zipimport"}
