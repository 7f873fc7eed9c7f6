"""The command `cyclone`: checks that there is a terminal to fill, then opens the full-screen interface.

This module is cheap to import; Textual is loaded only when a screen is going to be shown.
"""

import os

from cyclone_core.errors import StateUnusable, UsageError
from cyclone_tui.cli import diagnostics
from cyclone_tui.cli.options import Option, help_text, parse

OPTIONS = (
    Option("--host", "host", "NAME", "the host to show (default: the selected one)"),
    Option("--read-only", "read_only", "", "show everything, change nothing"),
    Option("-h --help", "help", "", "show this text"),
    Option("--version", "version", "", "show the version"),
)
USAGE = "cyclone [--host NAME] [--read-only] [VIEW [ARGUMENT...] [--NAME VALUE...]]"
ABOUT = """The full-screen interface: hosts, jobs, workers, deployments, and wizards to set everything up. ? shows its keys, q quits.
Without it everything can be done as well: qsub, qstat, qlog and qdel for jobs, hyper for everything else."""


def main() -> None:
    """Entry point: exit code 0 after quitting, 1 when the host cannot be shown, 2 without a usable terminal."""
    diagnostics.run("cyclone", show)


def show(argv: list[str]) -> int:
    """Show the interface until the user quits. Raises UsageError without a terminal or for an unknown view, NotFound for a host."""
    ours, view = split(argv)
    arguments = parse(OPTIONS, ours)
    if arguments.values.keys() & {"help", "version"}:
        _tell(arguments.flag("help"))
        return 0
    from cyclone_tui import navigation  # small: what is wrong with the command line is told before Textual is loaded

    if view:
        navigation.parse(view)
    refuse_without_terminal()
    from cyclone_core import paths
    from cyclone_core.operations.queries import open_host

    name = arguments.text("host")
    try:
        with open_host(name, jobs=False) as host:  # an unknown host is told before the screen opens
            name = host.name
    except StateUnusable:  # the screen says why, goes on trying, and offers the others
        name = name or paths.selected_host()
    return _run(name, bool(arguments.flag("read_only")), view)


def split(argv: list[str]) -> tuple[list[str], list[str]]:
    """The words of our own options, and the view with its arguments behind them."""
    at = 0
    while at < len(argv) and argv[at].startswith("-"):
        at += 2 if argv[at] == "--host" else 1
    return argv[:at], argv[at:]


def _run(host: str, read_only: bool, view: list[str]) -> int:
    import gc
    from shlex import join

    gc.set_threshold(100_000)  # loading makes many objects and no garbage: looking for some costs a tenth of the time to the first paint
    os.environ.setdefault("TEXTUAL_FPS", "120")  # what changed waits for the next frame: 4 ms on average, not 8
    from cyclone_tui import settings
    from cyclone_tui.application import CycloneApp

    loaded = settings.load()
    app = CycloneApp(host, loaded.settings, read_only, join(view), loaded.problems)
    return app.run() or app.return_code or 0


def _tell(help: bool) -> None:
    from cyclone_core import __version__
    from cyclone_tui.cli import output

    if not help:
        output.write(f"cyclone {__version__}\n")
        return
    from cyclone_tui import navigation

    rows = [(place.usage, place.help) for place in navigation.PLACES]
    width = max(len(usage) for usage, _ in rows if len(usage) <= 34)
    gap = "\n" + " " * (width + 4)
    views = "\n".join(f"  {usage:<{width}}{'  ' if len(usage) <= width else gap}{text}" for usage, text in rows)
    output.write(f"{help_text(USAGE, ABOUT, OPTIONS)}\nViews:\n{views}\n")


def refuse_without_terminal() -> None:
    """Raise UsageError, naming the plain commands, where a full screen cannot be drawn."""
    plain = "Use the plain commands: qsub, qstat, qlog and qdel for jobs, hyper for everything else"
    if not (os.isatty(0) and os.isatty(1)):
        raise UsageError(f"there is no terminal on standard input and output, so no screen can be shown. {plain}")
    term = os.environ.get("TERM", "")
    if term in ("", "dumb", "unknown"):
        raise UsageError(f"the terminal cannot show a full screen (TERM is {term!r}). {plain}")
