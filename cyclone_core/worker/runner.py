"""Starts one process: own session and process group, /dev/null as input, one pipe as output, a working directory, an environment.

`_posixsubprocess.fork_exec` is what `subprocess` itself uses; with vfork it does the whole work between fork and exec in C and
costs a third less than `subprocess.Popen`. It is private and its parameters changed between Python versions, so it is called
here and nowhere else, a test runs it on every version, and a plain fork takes its place where it does not fit.
"""

import os
import select
from _posixsubprocess import fork_exec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


class Spawner:
    """Makes processes; holds the descriptors that all of them share."""

    __slots__ = ("_complaints", "_fork", "_null", "_report_in", "_report_out")

    def __init__(self, plain_fork: bool = False) -> None:
        """plain_fork: do not use `fork_exec`."""
        self._null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
        self._report_in, self._report_out = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        poll = select.poll()
        poll.register(self._report_in, select.POLLIN)
        self._complaints = poll.poll  # a third of the cost of a read that raises BlockingIOError
        self._fork = plain_fork

    def spawn(
        self,
        argv: "Sequence[bytes]",
        executables: "tuple[bytes, ...]",
        cwd: "bytes | None",
        env: "list[bytes]",
        output: int,
        extra: "tuple[int, ...]" = (),
        umask: int = -1,
    ) -> "tuple[int, str]":
        """Start a process: (pid, "" or why the program did not start). The pid must be waited for in both cases.

        executables: files to try in order. output: descriptor of its stdout and stderr, -1: /dev/null. extra: inheritable descriptors
        that it keeps. umask: of the process, -1: ours. Raises OSError when the system has no room for another process.
        """
        if output < 0:
            output = self._null
        if self._fork:
            pid = self._plain_fork(argv, executables, cwd, env, output, extra, umask)
        else:
            try:
                pid = fork_exec(
                    argv, executables, bool(extra), extra, cwd, env,  # type: ignore[arg-type]  # the stub knows neither bytes nor None
                    self._null, -1, -1, output, -1, output,
                    self._report_in, self._report_out, True, True, -1, None, None, None, umask, None, True,  # type: ignore[arg-type]
                )  # fmt: skip
            except TypeError:
                self._fork = True
                pid = self._plain_fork(argv, executables, cwd, env, output, extra, umask)
        # vfork came back after exec or after the message: there is nothing to wait for
        return pid, _explain(os.read(self._report_in, 4096), executables, cwd) if self._complaints(0) else ""

    def _plain_fork(
        self,
        argv: "Sequence[bytes]",
        executables: "tuple[bytes, ...]",
        cwd: "bytes | None",
        env: "list[bytes]",
        output: int,
        extra: "tuple[int, ...]",
        umask: int,
    ) -> int:
        ready_in, ready_out = os.pipe2(os.O_CLOEXEC)
        pid = os.fork()
        if pid == 0:
            for kept in extra:
                os.set_inheritable(kept, True)
            if umask >= 0:
                os.umask(umask)
            self._become(argv, executables, cwd, env, output)
        os.close(ready_out)
        os.read(ready_in, 1)  # ends when exec closes the other end
        os.close(ready_in)
        return pid

    def _become(
        self, argv: "Sequence[bytes]", executables: "tuple[bytes, ...]", cwd: "bytes | None", env: "list[bytes]", output: int
    ) -> None:
        """In the child: never returns."""
        stage = b"noexec"
        try:
            import _signal  # type: ignore[import-not-found]

            for number in (_signal.SIGPIPE, _signal.SIGXFSZ):
                _signal.signal(number, _signal.SIG_DFL)
            os.setsid()
            for target, source in ((0, self._null), (1, output), (2, output)):
                os.dup2(source, target)
            if cwd is not None:
                os.chdir(cwd)
            stage = b""
            self._execute(argv, executables, env)
        except OSError as exc:
            os.write(self._report_out, b"OSError:%x:%s" % (exc.errno or 0, stage))
        finally:
            os._exit(255)

    def _execute(self, argv: "Sequence[bytes]", executables: "tuple[bytes, ...]", env: "list[bytes]") -> None:
        variables = dict(pair.split(b"=", 1) for pair in env)
        failed = OSError(2, "not found")
        for program in executables:
            try:
                os.execve(program, list(argv), variables)
            except OSError as exc:
                failed = exc
        raise failed


def _explain(message: bytes, executables: "tuple[bytes, ...]", cwd: "bytes | None") -> str:
    """The reason in words; `message` is `OSError:ERRNO IN HEX:noexec` when it failed before exec, which only the directory can cause."""
    import errno

    _, _, rest = message.partition(b":")
    number, _, stage = rest.partition(b":")
    code = int(number or b"0", 16)
    why = os.strerror(code)
    if stage.startswith(b"noexec") and cwd is not None:
        return f"the working directory {os.fsdecode(cwd)} cannot be entered: {why}"
    if code == errno.E2BIG:
        return f"the environment and the arguments of the task are larger than the system allows: {why}"
    program = os.fsdecode(executables[0] if len(executables) == 1 else os.path.basename(executables[0]))
    return f"the interpreter {program} cannot be started: {why}"
