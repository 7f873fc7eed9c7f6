"""The container engine of this machine, docker or podman, as far as images are concerned. Running tasks in them is the worker's.

No library: both engines have the same command line, and a machine that has one has its command.
"""

import os
import select
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress

from cyclone_core.errors import BuildFailed, EngineMissing

_ANSWER_S = 20.0
"""So long an engine may take to say that it is there."""
_LOOK_EVERY_S = 0.2
"""So often it is asked whether to stop while the engine says nothing."""
_LEAVE_S = 5.0
"""So long an engine that is ended may take, before it is killed."""
ENGINES = ("docker", "podman")
"""Looked for in this order."""
_INSTALL = "Install docker or podman, or leave the image out: tasks then run directly on this machine"
_START = "Start its service, or leave the image out: tasks then run directly on this machine"


Stop = Callable[[], bool]
"""Whether somebody wants the work to end."""


class Stopped(Exception):
    """The work was ended because `stop` said so."""


def never() -> bool:
    """Nobody wants the work to end."""
    return False


class ContainerEngine:
    """One engine, given by its command."""

    def __init__(self, command: str) -> None:
        """command: path of docker or podman."""
        self.command = command
        self.name = os.path.basename(command)

    def build(self, directory: str, reference: str, arguments: Mapping[str, str], stop: Stop = never) -> Iterator[str]:
        """Build an image; yields what the engine says. Raises BuildFailed, or Stopped soon after `stop` has become true."""
        options = [part for name, value in arguments.items() for part in ("--build-arg", f"{name}={value}")]
        return self._stream(["build", "-t", reference, *options, directory], stop)

    def pull(self, reference: str, stop: Stop = never) -> Iterator[str]:
        """Fetch an image of a registry; yields what the engine says. Raises BuildFailed, or Stopped soon after `stop` has become true."""
        return self._stream(["pull", reference], stop)

    def tag(self, source: str, reference: str) -> None:
        """Give a local image another name. Raises BuildFailed when there is no such image."""
        for _ in self._stream(["tag", source, reference]):
            pass

    def has(self, reference: str) -> bool:
        """Whether the image is on this machine."""
        return self._run(["image", "inspect", reference]).returncode == 0

    def images(self) -> list[str]:
        """`repository:tag` of the images on this machine, newest first; [] when the engine does not say."""
        try:
            result = self._run(["image", "ls", "--format", "{{.Repository}}:{{.Tag}}"], _ANSWER_S)
        except subprocess.TimeoutExpired:
            return []
        return list(dict.fromkeys(line for line in result.stdout.splitlines() if line and "<none>" not in line))

    def remove(self, reference: str) -> None:
        """Forget an image's name; one that is not there, or is in use, is no error: disk space is all that is at stake."""
        self._run(["image", "rm", reference])

    def why_silent(self) -> str:
        """Why the engine cannot be used, "" when it can."""
        try:
            result = self._run(["version"], _ANSWER_S)
        except subprocess.TimeoutExpired:
            return f"{self.name} did not answer within {_ANSWER_S:.0f} s"
        return "" if result.returncode == 0 else _last_line(result.stderr) or f"{self.name} version ended with code {result.returncode}"

    def _run(self, arguments: Sequence[str], timeout_s: float | None = None) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [self.command, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
        )

    def _stream(self, arguments: Sequence[str], stop: Stop = never) -> Iterator[str]:
        process = subprocess.Popen(
            [self.command, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            process_group=0,  # so that it can be ended with everything it started
        )
        assert process.stdout is not None  # it was asked for
        last = ""
        try:
            for last in _lines(process.stdout.fileno(), stop):
                yield last
            if process.wait() != 0:
                raise BuildFailed(f"{self.name} {arguments[0]} failed: {last or f'it ended with code {process.returncode}'}")
        finally:
            process.stdout.close()
            _end(process)


def _lines(descriptor: int, stop: Stop) -> Iterator[str]:
    """Lines that say something, as they come. Raises Stopped."""
    rest = b""
    while True:
        if stop():
            raise Stopped
        if not select.select([descriptor], [], [], _LOOK_EVERY_S)[0]:
            continue
        data = os.read(descriptor, 65536)
        *lines, rest = (rest + data).split(b"\n")
        if not data:
            lines.append(rest)
        for line in lines:
            text = line.decode("utf-8", "replace").rstrip().rpartition("\r")[2]  # of a line written over, its last state
            if text.strip():
                yield text
        if not data:
            return


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End an engine that still works: whoever listened has left."""
    if process.poll() is not None:
        return
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(_LEAVE_S)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def find_engine(path: str | None = None) -> ContainerEngine:
    """The engine to use: docker, else podman, the first on the PATH, as workers choose it (`worker.container`).

    path: where to look, by default PATH. Raises EngineMissing saying what was found and what to do.
    """
    command = next(filter(None, (shutil.which(name, path=path) for name in ENGINES)), None)
    if command is None:
        raise EngineMissing(f"neither docker nor podman was found on this machine. {_INSTALL}")
    engine = ContainerEngine(command)
    why = engine.why_silent()
    if why:
        raise EngineMissing(f"{engine.name} is installed but cannot be used: {why}. {_START}")
    return engine


def _last_line(text: str) -> str:
    """The engine's last words, without the question that docker asks its user."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    last = lines[-1] if lines else ""
    return last.rpartition(". ")[0] if last.endswith("?") and ". " in last else last.rstrip(".")
