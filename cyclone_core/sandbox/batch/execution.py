"""One attempt of a job: a process of this machine with its whole process group, or a container.

Jobs run as the user who runs the sandbox and may do what that user may. They get a directory and an environment of their own, nothing of
the sandbox's: HOME is their directory, so no credentials of the user are found in it. Memory and vCPUs are counted, not enforced.
"""

import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

ROOT = str(Path(__file__).parents[3])
"""Where the package is."""
_PROGRAM = f"import sys; sys.path.insert(0, {ROOT!r}); from cyclone_core.scheduler.remote.main import main; main()"
WORKER = (sys.executable, "-ISE", "-c", _PROGRAM)
"""`cyclone-worker`, what the entry point of a worker image runs when it is given no command."""
_OUTPUT, _PROCESS, _ENGINE = "output", "process", "engine"
"""Files of an attempt: what it printed; its process, and of a container the engine, for whoever ends what a killed sandbox left running."""
_READ_BYTES = 1 << 20
_ENGINE_S = 60.0
"""So long a container engine may take to end a container."""


class CannotStart(Exception):
    """An attempt cannot start; the text is AWS's reason."""


class Execution(Protocol):
    """An attempt that runs."""

    def wait(self, seconds: float) -> int | None:
        """The exit code once it has ended (128 + signal for one that was killed), None when it still runs after so long."""

    def ask_to_end(self) -> None:
        """SIGTERM."""

    def end(self) -> None:
        """SIGKILL, to everything that it started."""

    def new_lines(self, over: bool) -> list[str]:
        """What it has printed since the last call; with `over` also a last line without an end."""

    def clean(self) -> None:
        """Remove what it left on the disk."""


class Starter(Protocol):
    """Starts attempts."""

    def start(self, name: str, image: str, command: Sequence[str], environment: Mapping[str, str]) -> Execution:
        """Start one. name: unlike all others. Raises CannotStart."""


class Processes:
    """Attempts as processes; the image of the definition is not looked at. Without a command they run what its entry point would."""

    def __init__(self, root: Path) -> None:
        """root: directory for the directories of attempts."""
        self._root = root

    def start(self, name: str, image: str, command: Sequence[str], environment: Mapping[str, str]) -> "ProcessExecution":
        """Start a command of this machine; without one the worker of this installation."""
        directory = self._root / name
        directory.mkdir(parents=True, mode=0o700)
        own = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(directory), "AWS_EC2_METADATA_DISABLED": "true"}
        if not command:
            own["CYCLONE_WORKER_DIR"] = str(directory)
        return ProcessExecution(directory, command or WORKER, {**own, **environment})


class ProcessExecution:
    """A process in a session of its own."""

    def __init__(self, directory: Path, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Starts it. Raises CannotStart."""
        self._directory = directory
        self._output = open(directory / _OUTPUT, "w+b")  # noqa: SIM115  closed in `clean`
        self._unfinished = b""
        self._read = 0
        try:
            self._process = subprocess.Popen(
                list(command), cwd=directory, env=dict(environment), stdin=subprocess.DEVNULL, stdout=self._output,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        except (OSError, ValueError) as exc:
            self.clean()
            raise CannotStart(f"CannotStartContainerError: exec {command[0]!r}: {getattr(exc, 'strerror', None) or exc}") from exc
        (directory / _PROCESS).write_text(f"{self._process.pid} {_birth(self._process.pid)}")
        self._descriptor = os.pidfd_open(self._process.pid)

    @property
    def pid(self) -> int:
        """Its first process."""
        return self._process.pid

    def wait(self, seconds: float) -> int | None:
        """The exit code, or None. What the command leaves running ends with it, as in a container."""
        if not select.select([self._descriptor], [], [], seconds)[0]:
            return None
        self._signal(signal.SIGKILL)  # before its end is collected: until then no other process has its number
        code = self._process.wait()
        return 128 - code if code < 0 else code

    def ask_to_end(self) -> None:
        """SIGTERM to the whole group."""
        self._signal(signal.SIGTERM)

    def end(self) -> None:
        """SIGKILL to the whole group."""
        self._signal(signal.SIGKILL)

    def new_lines(self, over: bool) -> list[str]:
        """What it printed since the last call."""
        data = os.pread(self._output.fileno(), _READ_BYTES, self._read)
        self._read += len(data)
        *lines, self._unfinished = (self._unfinished + data).split(b"\n")
        if over and self._unfinished and len(data) < _READ_BYTES:
            lines.append(self._unfinished)
            self._unfinished = b""
        return [line.decode("utf-8", "replace") for line in lines]

    def clean(self) -> None:
        """Remove its directory."""
        self._output.close()
        if hasattr(self, "_descriptor"):
            os.close(self._descriptor)
        shutil.rmtree(self._directory, ignore_errors=True)

    def _signal(self, number: signal.Signals) -> None:
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)


class Containers:
    """Attempts as containers of docker or podman, with this machine's network: the sandbox is on loopback."""

    def __init__(self, root: Path, engine: str, engine_host: str | None = None) -> None:
        """engine: path of its command; engine_host: its `DOCKER_HOST`, when it is not the usual one."""
        self._root, self._engine = root, engine
        names = ("PATH", "XDG_RUNTIME_DIR")
        self._ours = {name: os.environ[name] for name in names if name in os.environ} | (
            {"DOCKER_HOST": engine_host} if engine_host else {}
        )

    def start(self, name: str, image: str, command: Sequence[str], environment: Mapping[str, str]) -> Execution:
        """Start a container of an image that the engine has or can fetch."""
        directory = self._root / name
        directory.mkdir(parents=True, mode=0o700)
        names = [
            part for variable in environment for part in ("--env", variable)
        ]  # values in the environment: others may read our arguments
        argv = [self._engine, "run", "--rm", "--init", "--name", name, "--network", "host", *names, image, *command]
        return ContainerExecution(self._engine, name, directory, argv, environment, self._ours)


class ContainerExecution(ProcessExecution):
    """A container, by the engine's command that waits for it."""

    def __init__(
        self, engine: str, name: str, directory: Path, argv: Sequence[str], environment: Mapping[str, str], ours: Mapping[str, str]
    ) -> None:
        """Starts it. ours: variables of the engine's command itself. Raises CannotStart."""
        self._engine, self._name, self._ours = engine, name, {"HOME": str(directory), **ours}
        (directory / _ENGINE).write_text(engine)
        super().__init__(directory, argv, {**environment, **self._ours})

    def ask_to_end(self) -> None:
        """SIGTERM to its first process."""
        self._kill("TERM")

    def end(self) -> None:
        """SIGKILL, and the engine's command with it."""
        self._kill("KILL")
        super().end()

    def _kill(self, name: str) -> None:
        with suppress(subprocess.TimeoutExpired):
            argv = [self._engine, "kill", "--signal", name, self._name]
            subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, env=self._ours, timeout=_ENGINE_S, check=False)


def end_left_over(root: Path) -> int:
    """End what a killed sandbox left running, and remove its directories; how many process groups were ended."""
    ended = 0
    for directory in root.iterdir() if root.is_dir() else ():
        with suppress(OSError, subprocess.TimeoutExpired):  # no engine: no container
            argv = [(directory / _ENGINE).read_text(), "rm", "--force", directory.name]
            subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=_ENGINE_S, check=False)
        with suppress(OSError, ValueError):
            pid, birth = map(int, (directory / _PROCESS).read_text().split())
            if _birth(pid) == birth:
                os.killpg(pid, signal.SIGKILL)
                ended += 1
        shutil.rmtree(directory, ignore_errors=True)
    return ended


def _birth(pid: int) -> int:
    """When a process started, in clock ticks since the machine did; 0 when it is gone. A number that is used again has another one."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    return int(text.rpartition(")")[2].split()[19])
