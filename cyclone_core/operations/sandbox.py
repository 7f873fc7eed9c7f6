"""Use cases around the sandbox, an AWS on this machine: start, stop, look, and let things go wrong. One per user and machine.

The sandbox is a process of its own, which goes on when whoever started it leaves. It inherits a lock that says whether it lives.
"""

import fcntl
import http.client
import importlib.metadata
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal

from cyclone_core import paths
from cyclone_core.errors import CycloneError, EngineMissing, HostUnavailable, MissingExtra, StateUnusable
from cyclone_core.locks import is_held
from cyclone_core.sandbox import faults as fault_files
from cyclone_core.sandbox import spot as spot_files
from cyclone_core.sandbox.batch.execution import end_left_over
from cyclone_core.sandbox.faults import Faults, RequestFault, Starvation
from cyclone_core.sandbox.settings import PROFILE, REGION, Directory, Running, Settings
from cyclone_core.sandbox.spot import Spot

__all__ = ["Faults", "RequestFault", "Settings", "Spot", "Starvation", "Status"]
MINISTACK = "1.5.33"
"""The version that the sandbox's plug-in fits."""
_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_CODE = f"import sys; sys.path.insert(0, {_ROOT!r}); from cyclone_core.sandbox.server import main; main()"
_START_S, _STOP_S, _ANSWER_S = 60.0, 30.0, 5.0
_LOOK_EVERY_S = 0.05
_KEPT = ("PATH", "LANG", "LC_ALL", "TZ", "DOCKER_HOST", "XDG_RUNTIME_DIR", "SSL_CERT_FILE")
"""Variables that the sandbox gets; no credentials, no proxies."""
State = Literal["running", "not answering", "stopped"]


@dataclass(frozen=True)
class Status:
    """The sandbox as it is."""

    state: State
    directory: Directory
    running: Running | None
    """None while it is stopped."""

    @property
    def environment(self) -> dict[str, str]:
        """What a client has to set: the keys stay in the credentials file that it names. Empty while the sandbox is stopped."""
        if self.running is None:
            return {}
        return {
            "AWS_ENDPOINT_URL": self.running.endpoint,
            "AWS_SHARED_CREDENTIALS_FILE": str(self.directory.credentials),
            "AWS_PROFILE": PROFILE,
            "AWS_REGION": REGION,
        }


def directory() -> Directory:
    """The sandbox's files. Its name begins with a dot, so that no host can have it."""
    return Directory(os.path.join(paths.state_root(), ".sandbox"))


def status() -> Status:
    """Whether there is one, and whether it answers."""
    found = directory()
    running = found.running() if is_held(found.lock) else None
    if running is None:
        return Status("stopped", found, None)
    return Status("running" if _answers(running) else "not answering", found, running)


def start(settings: Settings | None = None, faults: Faults | None = None) -> Status:
    """Start it and wait until it serves; one that runs already is left as it is, but gets the faults, if any are given.

    Raises MissingExtra, EngineMissing (containers, and no engine), StateUnusable, or HostUnavailable with what it said last.
    """
    check_installed()
    found = directory()
    try:
        found.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.chmod(found.root, 0o700)
        lock = _take(found)
        if lock is not None:
            try:
                _launch(found, _with_engine(_with_port(found, settings or Settings())), faults or Faults(), lock)
            finally:
                os.close(lock)
        elif faults is not None:
            fault_files.write(found.faults, faults)
    except OSError as exc:
        raise StateUnusable(f"the sandbox's directory {found.root} cannot be used: {exc.strerror}. Make room or fix its rights") from exc
    return _wait_until_it_serves(found)


def stop() -> bool:
    """End it with all jobs and functions that it runs, and forget what it held; whether there was one. Raises HostUnavailable."""
    found = directory()
    running = found.running()
    was_there = is_held(found.lock)
    if was_there and running is not None:
        _end(found, running.pid)
    elif was_there:
        raise HostUnavailable("the sandbox cannot be stopped: it is just starting. Try again in a moment: hyper sandbox stop")
    with suppress(OSError):
        end_left_over(found.jobs)
        found.write_running(None)
        found.credentials.unlink(missing_ok=True)
    return was_there


def set_faults(faults: Faults) -> None:
    """What goes wrong from now on, in place of what did; `Faults()` for nothing. Raises CycloneError when no sandbox runs."""
    found = directory()
    if not is_held(found.lock):
        raise CycloneError("no sandbox is running, so nothing can go wrong on it. Start one: hyper sandbox start")
    fault_files.write(found.faults, faults)


def set_spot(spot: Spot) -> None:
    """What is told of spot capacity and its prices from now on; `Spot()` for what is made up. Raises CycloneError when no sandbox runs."""
    found = directory()
    if not is_held(found.lock):
        raise CycloneError("no sandbox is running, so it tells nothing. Start one: hyper sandbox start")
    spot_files.write(found.spot, spot if spot.since else replace(spot, since=time.time()))


def check_installed() -> None:
    """Raises MissingExtra unless the optional part is there, in the version that fits."""
    try:
        version = importlib.metadata.version("ministack")
    except importlib.metadata.PackageNotFoundError:
        version = ""
    why = lacking(version, importlib.util.find_spec("boto3") is not None)
    if why:
        raise MissingExtra(why)


def lacking(version: str, has_boto3: bool) -> str:
    """Why the sandbox cannot be started, "" when nothing is lacking. version: ministack's, "" when it is not installed."""
    if version == MINISTACK and has_boto3:
        return ""
    what = f"ministack {version} is installed, and the sandbox fits {MINISTACK} only" if version else "it is not installed"
    if version == MINISTACK:
        what = "boto3 is not installed"
    install = "bash install.sh --extras sandbox, or pip install 'cyclone-hpc[sandbox]'"
    return f"the sandbox needs the optional part sandbox: {what}. Install it: {install}"


# -- inside -----------------------------------------------------------------------------------------------------------
def _with_port(found: Directory, settings: Settings) -> Settings:
    """The last start's port when any will do: what was set up for that sandbox then fits this one, but for its keys."""
    try:
        last = found.settings().port
    except (OSError, ValueError, TypeError):
        return settings
    return replace(settings, port=last) if settings.port == 0 and _is_free(last) else settings


def _is_free(port: int) -> bool:
    import socket

    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return port != 0


def _with_engine(settings: Settings) -> Settings:
    if settings.jobs == "processes":
        return settings
    for name in ("docker", "podman"):
        path = shutil.which(name)
        if path and subprocess.run([path, "info"], stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0:
            return replace(settings, engine=path)
    raise EngineMissing("jobs cannot run as containers: neither docker nor podman answers. Start one, or leave --containers out")


def _launch(found: Directory, settings: Settings, faults: Faults, lock: int) -> None:
    found.write_running(None)
    found.write_settings(settings)
    fault_files.write(found.faults, faults)
    found.spot.unlink(missing_ok=True)
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    environment = {**kept, "TMPDIR": str(found.temporary), "HOME": str(found.home)}
    with open(found.log, "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as log:
        process = subprocess.Popen(
            [sys.executable, "-c", _CODE, str(found.root), str(lock)], cwd="/", env=environment, stdin=subprocess.DEVNULL,
            stdout=log, stderr=log, pass_fds=(lock,), start_new_session=True,
        )  # fmt: skip
    threading.Thread(target=process.wait, daemon=True).start()  # so that it is no zombie of ours when it has ended


def _wait_until_it_serves(found: Directory) -> Status:
    until = time.monotonic() + _START_S
    while time.monotonic() < until:
        now = status()
        if now.state == "running":
            return now
        if not is_held(found.lock):
            raise HostUnavailable(f"the sandbox could not be started: {_last_words(found)}. Its log is {found.log}")
        time.sleep(_LOOK_EVERY_S)
    raise HostUnavailable(f"the sandbox does not answer after {_START_S:.0f} s. See {found.log}, and end it: hyper sandbox stop")


def _last_words(found: Directory) -> str:
    with suppress(OSError):
        lines = found.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"
    return "it said nothing"


def _end(found: Directory, pid: int) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.kill(pid, number)
        if _wait(lambda: not is_held(found.lock), _STOP_S):
            return
    raise HostUnavailable(f"the sandbox (process {pid}) does not end. See {found.log}")


def _wait(condition: Callable[[], bool], seconds: float) -> bool:
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(_LOOK_EVERY_S)
    return True


def _take(found: Directory) -> int | None:
    """The lock, None when a sandbox holds it."""
    descriptor = os.open(found.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    for _ in range(3):  # who only looks holds it for an instant
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_LOOK_EVERY_S)
        else:
            return descriptor
    os.close(descriptor)
    return None


def _answers(running: Running) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=_ANSWER_S)
    try:
        connection.request("GET", "/_ministack/health")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
