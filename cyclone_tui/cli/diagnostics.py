"""stderr and exit codes of the job commands: the border where every error becomes a message for people.

    0    done                       130  interrupted (Ctrl-C)
    1    refused, or not reachable  141  the reader of stdout left
    2    the command line is wrong
Never a traceback, unless CYCLONE_DEBUG is set: an error nobody expected is saved to a file and named in one line.
"""

import os
import sys

from cyclone_core.errors import CycloneError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

INTERRUPTED, PIPE_CLOSED = 130, 141


def run(command: str, main: "Callable[[list[str]], int | None]") -> "NoReturn":
    """Run a command with the arguments of this process and leave with its exit code, without the interpreter's tidying up: what the
    command wrote is written, and taking everything apart would cost a tenth of its time."""
    keep_standard_descriptors()
    code = code_of(command, main, sys.argv[1:])
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):  # closed, full, or never there: `output` has told what matters
            continue
    os._exit(code)


def keep_standard_descriptors() -> None:
    """Put something in the place of descriptors 0 to 2 that are closed (`qsub … >&-`): the next file or socket that is opened would get
    such a number, and what is meant for stdout would go into it. What stands in cannot be used either: that it was closed is still told."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDONLY if number else os.O_WRONLY)  # the lowest free number, which is this one


def code_of(command: str, main: "Callable[[list[str]], int | None]", argv: "list[str]") -> int:
    """Exit code of a command; what went wrong is on stderr."""
    if os.environ.get("CYCLONE_DEBUG"):
        return main(argv) or 0
    try:
        return main(argv) or 0
    except CycloneError as exc:
        tell(command, exc)
        return exc.exit_code
    except BrokenPipeError:
        return PIPE_CLOSED
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as exc:  # noqa: BLE001  the border: whatever it is, people get one line and the rest goes to a file
        tell(command, f"unexpected {type(exc).__name__}: {exc}. {saved(exc)}")
        return 1


def tell(command: str, message: "object") -> None:
    """Print `command: message` to stderr, each line of it; a closed stderr is no reason to fail."""
    text = "".join(f"{command}: {line}\n" for line in str(message).splitlines())
    try:
        os.write(2, text.encode("utf-8", "backslashreplace"))
    except OSError:
        return


def saved(exc: Exception) -> str:
    """Write the traceback to the error log and say where."""
    import time
    import traceback

    from cyclone_core import __version__, paths

    heading = f"{time.strftime('%Y-%m-%d %H:%M:%S')} cyclone {__version__} python {sys.version.split()[0]}\n"
    path = os.path.join(paths.state_root(), "errors.log")
    try:
        os.makedirs(paths.state_root(), 0o700, exist_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(heading + "".join(traceback.format_exception(exc)) + "\n")
    except OSError:
        return "Set CYCLONE_DEBUG=1 to see where it happened"
    return f"Details are in {path}; please report them"
