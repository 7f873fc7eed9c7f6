"""The command `cyclone`: checks that there is a terminal to fill, then opens the full-screen view of a host.

This module is cheap to import; Textual is loaded only when a screen is going to be shown.
"""

import os

from cyclone_core.errors import UsageError
from cyclone_tui.cli import diagnostics
from cyclone_tui.cli.options import Option, read

OPTIONS = (
    Option("--host", "host", "NAME", "the host to show (default: the selected one)"),
    Option("-h --help", "help", "", "show this text"),
    Option("--version", "version", "", "show the version"),
)
ABOUT = """Shows a host: tasks by state and the newest jobs, as they change. q quits.
Everything can be done without it: qsub, qstat, qlog and qdel for jobs, hyper for hosts, queues and definitions."""


def main() -> None:
    """Entry point: exit code 0 after quitting, 1 when the host cannot be shown, 2 without a usable terminal."""
    diagnostics.run("cyclone", show)


def show(argv: list[str]) -> int:
    """Show the host until the user quits. Raises UsageError without a terminal, NotFound for an unknown host."""
    arguments = read("cyclone [--host NAME]", ABOUT, OPTIONS, argv)
    if arguments.operands:
        raise UsageError(f"unexpected {arguments.operands[0]!r}: this command opens a screen. See: cyclone --help")
    refuse_without_terminal()
    from cyclone_core.operations.queries import open_host

    with open_host(arguments.text("host")) as host:  # an unknown host or an unreadable file is told before the screen opens
        name = host.name
    from cyclone_tui.overview import Overview

    return Overview(name).run() or 0


def refuse_without_terminal() -> None:
    """Raise UsageError, naming the plain commands, where a full screen cannot be drawn."""
    plain = "Use the plain commands: qsub, qstat, qlog and qdel for jobs, hyper for everything else"
    if not (os.isatty(0) and os.isatty(1)):
        raise UsageError(f"there is no terminal on standard input and output, so no screen can be shown. {plain}")
    term = os.environ.get("TERM", "")
    if term in ("", "dumb", "unknown"):
        raise UsageError(f"the terminal cannot show a full screen (TERM is {term!r}). {plain}")
