"""`concurrent.futures` for shell commands: a Future for each, run by a host instead of threads or a process pool.

    with ShellExecutor() as executor:
        for done in executor.map(f"simulate --seed {seed}" for seed in range(1000)):
            print(done.returncode, done.output)

Commands that are submitted while an earlier batch is on its way are submitted together, so a loop of thousands needs few commits.
One thread does everything: it submits, hears which jobs ended, reads their output. It lives only while something is open, so a
program that forgot `shutdown` still ends, after its commands did. A supervisor that dies is no concern of the futures; a host that
somebody stops is: they raise HostUnavailable, and the jobs wait on the host until it is started.
"""

import os
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, InvalidStateError
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any, Unpack

from cyclone_core.errors import CycloneError
from cyclone_core.jobs import CANCELLED, ERROR, JobRequest
from cyclone_core.operations import jobs, logs, queries

if TYPE_CHECKING:
    from cyclone_core.library import Host, Settings

BATCH = 1000
"""Most commands in one submission."""
Command = str | Sequence[str]
"""A line for bash, or the words of a command."""


@dataclass(frozen=True, slots=True)
class Completed:
    """How a command ended: `returncode` as a shell shows it (128 + n for signal n), `output` is stdout and stderr as written."""

    args: Command
    returncode: int
    output: bytes
    job: int

    def check(self) -> "Completed":
        """Itself, or subprocess.CalledProcessError when the command failed."""
        if self.returncode:
            from subprocess import CalledProcessError

            raise CalledProcessError(self.returncode, self.args if isinstance(self.args, str) else list(self.args), self.output)
        return self


class CommandFuture(Future[Completed]):
    """A Future that can be cancelled until its command has ended: a running one is ended. `job` is its id once it has one."""

    def __init__(self, executor: "ShellExecutor", command: Command) -> None:
        """Use `ShellExecutor.submit`."""
        super().__init__()
        self.command, self.job = command, 0
        self._executor = executor

    def cancel(self) -> bool:
        """Cancel the job; False when it has ended already."""
        if not super().cancel():
            return False
        self._executor._note_cancelled(self)
        return True


class ShellExecutor(Executor):
    """Runs shell commands as jobs of a host. Settings (queue, definition, retries, …) given here hold for all of its commands."""

    def __init__(self, host: "Host | str | None" = None, **settings: "Unpack[Settings]") -> None:
        """host: a Host, its name, or None for the selected one. Raises NotFound."""
        from cyclone_core.library import Host, connect

        self.host = host if isinstance(host, Host) else connect(host)
        self._door = self.host._door
        self._settings = settings
        self._lock = threading.Lock()
        self._new: deque[tuple[CommandFuture, JobRequest]] = deque()
        self._batch: list[tuple[CommandFuture, JobRequest]] = []  # on its way to the host
        self._cancelled: deque[CommandFuture] = deque()
        self._open: dict[int, CommandFuture] = {}
        self._thread: threading.Thread | None = None
        self._wake = -1
        self._is_shut = False

    def submit(self, command: Command, /, **settings: "Unpack[Settings]") -> CommandFuture:  # type: ignore[override]
        """Submit a command line or the words of a command. A failure is a result (`returncode`), not an exception.

        The Future raises CycloneError when the job could not be run at all. Raises InvalidRequest, RuntimeError after `shutdown`.
        """
        merged: Any = {**self._settings, **settings}
        request = self.host.request(text=command, **merged) if isinstance(command, str) else self.host.request(argv=command, **merged)
        future = CommandFuture(self, command)
        with self._lock:
            if self._is_shut:
                raise RuntimeError("the executor is shut down: nothing more can be submitted")
            self._new.append((future, request))
            self._rouse()
        return future

    def map(  # type: ignore[override]
        self, commands: Iterable[Command], *, timeout: float | None = None, **settings: "Unpack[Settings]"
    ) -> Iterator[Completed]:
        """Results in the order of the commands; all are submitted at once. timeout: seconds for all of it."""
        deadline = None if timeout is None else monotonic() + timeout
        futures = [self.submit(command, **settings) for command in commands]

        def results() -> Iterator[Completed]:
            try:
                for future in futures:
                    yield future.result(None if deadline is None else deadline - monotonic())
            finally:
                for future in futures:
                    future.cancel()

        return results()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Accept nothing more. wait: until everything has ended. cancel_futures: end what has not."""
        with self._lock:
            self._is_shut = True
            thread = self._thread
            futures = [future for future, _ in (*self._batch, *self._new)] + list(self._open.values())
        if cancel_futures:
            for future in futures:
                future.cancel()
        if wait and thread is not None and thread is not threading.current_thread():
            thread.join()

    def _note_cancelled(self, future: CommandFuture) -> None:
        with self._lock:
            self._cancelled.append(future)
            self._rouse()

    def _rouse(self) -> None:
        """Wake the thread, or start one. The lock is held."""
        if self._thread is None:
            reading, self._wake = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
            self._thread = threading.Thread(target=self._run, args=(reading, self._wake), name="cyclone-executor")
            self._thread.start()
            return
        try:
            os.write(self._wake, b"!")
        except BlockingIOError:  # full: it will wake anyway
            return

    # -- the thread -----------------------------------------------------------------------------------------------------------------
    def _run(self, reading: int, writing: int) -> None:
        """Until nothing is open: take in what is new, then wait for news."""
        line = self._door.endings()
        try:
            while True:
                self._take_in(line)
                with self._lock:
                    if not (self._new or self._cancelled or self._open):
                        self._thread = None
                        return
                    idle = not (self._new or self._cancelled)
                if idle:
                    self._settle(line.hear(reading, self._open))
        except BaseException as exc:  # the border of the thread: whoever waits for a future must hear of it
            self._fail_all(exc)
            if not isinstance(exc, CycloneError | OSError):
                raise
        finally:
            line.close()
            os.close(reading)
            os.close(writing)

    def _take_in(self, line: "jobs.Endings") -> None:
        """Submit what is new, cancel what was given up."""
        with self._lock:
            batch = self._batch = [self._new.popleft() for _ in range(min(BATCH, len(self._new)))]
            given_up = [self._cancelled.popleft() for _ in range(len(self._cancelled))]
        wanted = []
        for future, request in batch:
            if future.cancelled():
                future.set_running_or_notify_cancel()
            else:
                wanted.append((future, request))
        if wanted:
            self._submit(wanted)
            line.listen([future.job for future, _ in wanted if future.job])
        numbers = [(future.job, None) for future in given_up if future.job]
        if numbers:
            self._door.cancel({"tasks": numbers, "names": [], "queue": None, "all": False})

    def _submit(self, wanted: list[tuple[CommandFuture, JobRequest]]) -> None:
        """All at once; when one of them is refused, one by one, so that only it fails."""
        try:
            numbers = self._door.submit([request for _, request in wanted])
        except CycloneError as exc:
            if len(wanted) == 1:
                _set(wanted[0][0], exc)
                return
            for each in wanted:
                self._submit([each])
            return
        with self._lock:
            for (future, _), number in zip(wanted, numbers, strict=True):
                future.job = number
                self._open[number] = future

    def _settle(self, ended: "list[tuple[int, int, int | None]]") -> None:
        """Jobs that ended, with their results."""
        if not ended:
            return
        with queries.open_host(self.host.name) as view:
            for number, status, code in ended:
                with self._lock:
                    future = self._open.pop(number, None)
                if future is None:
                    continue
                if status == CANCELLED:
                    Future.cancel(future)
                    future.set_running_or_notify_cancel()
                    continue
                try:
                    _set(future, _result(view, future, status, code))
                except (CycloneError, OSError) as exc:
                    _set(future, exc)

    def _fail_all(self, exc: BaseException) -> None:
        with self._lock:
            self._thread = None
            futures = [future for future, _ in (*self._batch, *self._new) if not future.done()] + list(self._open.values())
            self._new.clear()
            self._open.clear()
            self._cancelled.clear()
        for future in futures:
            _set(future, exc)


def _result(view: queries.HostView, future: CommandFuture, status: int, code: int | None) -> Completed:
    job = view.reader.job(future.job)
    if job is None or status < 0:
        raise CycloneError(f"job {future.job} is not known any more")
    if status == ERROR:
        raise CycloneError(f"job {future.job} could not be run: {job.reason}")
    return Completed(future.command, code or 0, b"".join(logs.output(view, job, 1)), future.job)


def _set(future: CommandFuture, outcome: "Completed | BaseException") -> None:
    """Set a result or exception; a future that was cancelled meanwhile stays so."""
    try:
        if not future.set_running_or_notify_cancel():
            return
        if isinstance(outcome, BaseException):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)
    except InvalidStateError:
        return
