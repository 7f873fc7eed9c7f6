"""`hyper`: resource commands, `hyper GROUP COMMAND`. Owns the top of the command and the border where errors become messages.

A group is imported when one of its commands is used: `hyper --help` and mistyped words answer without pydantic and the engine.
"""

import errno
import io
import sys
from typing import TYPE_CHECKING

import click

from cyclone_core.errors import UsageError
from cyclone_tui.cli import diagnostics, output

if TYPE_CHECKING:
    from collections.abc import Sequence

GROUPS = {
    "hosts": "Control planes: this machine, or an AWS account.",
    "regions": "Where a host computes.",
    "clusters": "Compute that queues send their jobs to.",
    "queues": "Where jobs are submitted.",
    "images": "Container images that tasks run in.",
    "definitions": "Job definitions: what jobs run in and may use.",
    "deployments": "What was and is being changed, and the ways on.",
    "workers": "Processes that run tasks.",
    "events": "What happened to a host and its resources.",
    "usage": "What work used, and what it cost: one command.",
    "prices": "What AWS asks for instances, and of which date that is.",
    "sandbox": "An AWS on this machine, to try AWS hosts without an account.",
}
"""Group -> its line in the help."""
_HELP = """Create and manage Cyclone hosts and what they have.

A host runs your jobs: this machine (nothing to configure, the first qsub starts it) or an AWS account. Commands that add something ask for
what is missing; without a terminal they take defaults and ask nothing. Jobs have commands of their own: qsub, qstat, qlog, qdel.
"""


class _Hyper(click.Group):
    """Knows its groups by name and imports them when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(GROUPS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in GROUPS:
            return None
        module = __import__(f"cyclone_tui.cli.groups.{cmd_name}", fromlist=("group",))
        group: click.Command = module.group  # a group, but for what is one command
        return group

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Groups"):
            formatter.write_dl(list(GROUPS.items()))


def _top(ctx: click.Context) -> None:
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def _print_version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value:
        from cyclone_core import __version__

        click.echo(f"hyper {__version__}")
        ctx.exit()


command = _Hyper(
    "hyper",
    callback=click.pass_context(_top),
    params=[
        click.Option(["--version"], is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Show the version.")
    ],
    help=_HELP,
    invoke_without_command=True,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "max_content_width": 100,
        "token_normalize_func": lambda token: token.lower().replace("_", "-"),
    },
)


def run(argv: "Sequence[str]") -> int:
    """Run one command line; returns the exit code. Raises CycloneError, which `main` shows."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name that the locale cannot write is no reason to fail
            stream.reconfigure(errors="backslashreplace")
    try:
        code = command.main(args=list(argv), prog_name="hyper", standalone_mode=False, obj=tuple(argv))
    except SystemExit:  # click's way of saying that the reader of stdout left
        return diagnostics.PIPE_CLOSED
    except OSError as exc:
        if exc.errno not in (errno.EBADF, errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG) or exc.filename is not None:
            raise
        raise output.unwritable(exc) from exc  # commands translate what their own files and sockets meet
    except click.UsageError as exc:
        raise UsageError(_worded(exc)) from exc
    except click.ClickException as exc:
        raise UsageError(exc.format_message()) from exc
    except click.Abort as exc:
        diagnostics.tell("", "")
        raise KeyboardInterrupt from exc
    return code if isinstance(code, int) else 0


def _worded(exc: click.UsageError) -> str:
    """Click's complaint in our form: what happened, what was probably meant, where to look."""
    context = exc.ctx
    where = context.command_path if context else "hyper"
    _, found, rest = exc.format_message().partition("No such command ")
    if not found or context is None or not isinstance(context.command, click.Group):
        said = exc.format_message().rstrip(".")
        return f"{said}{'' if said.endswith('?') else '.'} See: {where} --help"
    import difflib

    typed = rest.partition("'")[2].partition("'")[0]
    close = difflib.get_close_matches(typed, context.command.list_commands(context), 1, 0.5)
    return f"there is no command {typed!r}. {f'Did you mean {close[0]}? ' if close else ''}See: {where} --help"


def _run_and_close(argv: "list[str]") -> int:
    """`run`, and the end of what plans of stacks have started: the process leaves without the interpreter's tidying up."""
    try:
        return run(argv)
    finally:
        plans = sys.modules.get("cyclone_core.operations.aws_resources")
        if plans is not None:
            plans.close()


def main() -> None:
    """Entry point of `hyper`."""
    diagnostics.run("hyper", _run_and_close)
