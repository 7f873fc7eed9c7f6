"""Options of the job commands: reading them, and the help text that the same table gives.

The loop is `cyclone_core.options.parse`; this adds what every command has: `-h/--help` and `--version`.
"""

from cyclone_core.options import Arguments, Option, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["COMMON", "Arguments", "Option", "help_text", "parse", "read"]

COMMON = (
    Option("--host", "host", "NAME", "the host to use (default: the selected one)"),
    Option("--json", "json", "", "print JSON"),
    Option("-h --help", "help", "", "show this text"),
    Option("--version", "version", "", "show the version"),
)
"""Every job command ends its table with these."""


def read(usage: str, about: str, table: "Sequence[Option]", argv: "Sequence[str]") -> Arguments:
    """Parse a command line; `--help` and `--version` are answered here and end the process with 0.

    usage: the line after `usage: `. about: the paragraphs below it. Raises UsageError.
    """
    arguments = parse(table, argv)
    if arguments.values.keys() & {"help", "version"}:
        from cyclone_core import __version__
        from cyclone_tui.cli import output

        output.write(help_text(usage, about, table) if arguments.flag("help") else f"{usage.split()[0]} {__version__}\n")
        raise SystemExit(0)
    return arguments


def help_text(usage: str, about: str, table: "Sequence[Option]") -> str:
    """The help of a command: usage, what it does, each option with a line of help."""
    rows = [(", ".join(option.names) + (" " + option.value if option.value else ""), option.help) for option in table]
    width = min(34, max(len(left) for left, _ in rows))
    gap = "\n" + " " * (width + 4)
    lines = [f"  {left:<{width}}  {right}" if len(left) <= width else f"  {left}{gap}{right}" for left, right in rows]
    return f"usage: {usage}\n\n{about.strip()}\n\nOptions:\n" + "\n".join(lines) + "\n"
