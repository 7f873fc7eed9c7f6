"""`qstat`: what there is and how it goes. This module reads the command line and answers `--summary`; lists and details are loaded
only when they are asked for, because each import shows in the time of a command that scripts call in loops.
"""

from cyclone_core.jobs import STATES
from cyclone_core.operations.queries import HostView, open_host, read_status
from cyclone_core.problems import Problems
from cyclone_tui.cli import diagnostics, output
from cyclone_tui.cli.options import COMMON, Option, read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cyclone_core.options import Arguments

USAGE = "qstat [-q QUEUE] [-i ID] [-j NAME] [-f STATUS] [--only-job-id-out true] [--summary] [--json]"
ABOUT = """
Lists jobs, newest first; shows one job or task in full with -i; counts tasks per queue with --summary.
STATUS is Waiting, Running, Successful, Failed, Cancelled or Error. With -i of an array, -f or --tasks lists its tasks.
"""
TABLE = (
    Option("-q --queue", "queue", "NAME", "only jobs of this queue"),
    Option("-i --id --job-id", "id", "ID", "one job, or ID--INDEX for a task (may be repeated)", repeat=True),
    Option("-j --job-name --name", "name", "NAME", "only jobs of this name"),
    Option("-f --filter --status", "status", "STATUS", "only jobs (or tasks) in this state"),
    Option("-u --user", "user", "NAME", "only jobs that this user submitted"),
    Option("-o --only-job-id-out", "only_ids", "true", "print ids only, one per line"),
    Option("--tasks", "tasks", "", "with -i: list the tasks of an array"),
    Option("--summary", "summary", "", "numbers of tasks by state, per queue and in all"),
    Option("--limit", "limit", "N", "at most so many (default: all; on a terminal what fits it)"),
    Option("--json-lines", "json_lines", "", "print one JSON object per line"),
    *COMMON,
)
_TRUE, _FALSE = ("true", "yes", "1", "on"), ("false", "no", "0", "off")


def main() -> None:
    """Entry point."""
    diagnostics.run("qstat", command)


def command(argv: "list[str]") -> int:
    """Run with these arguments; returns the exit code."""
    arguments = read(USAGE, ABOUT, TABLE, with_values(argv))
    selection = Selection(arguments)
    with open_host(arguments.text("host")) as host:
        host.revive()
        if selection.queue is not None:
            host.check_queue(selection.queue)
        if selection.summary:
            show_summary(host, selection)
        elif selection.ids:
            from cyclone_tui.cli import details

            details.show(host, selection)
        else:
            from cyclone_tui.cli import listing

            listing.show_jobs(host, selection)
    return 0


class Selection:
    """What was asked for: `form` is text, ids, json or lines; `status` a number of a state."""

    __slots__ = ("form", "ids", "limit", "name", "queue", "status", "summary", "tasks", "user")

    def __init__(self, arguments: "Arguments") -> None:
        """Raises InvalidRequest with everything that is wrong."""
        problems = Problems()
        self.queue, self.name, self.user = arguments.text("queue"), arguments.text("name"), arguments.text("user")
        for option, value in (("-j", self.name), ("-u", self.user)):
            if value is not None and not _is_text(value):
                problems.add(option, f"{value!r} is not a name: it has bytes that are no text")
        # commas as in qdel -i; an empty text stays, and is refused: an unset variable must not list everything
        self.ids = [word for text in (*arguments.texts("id"), *arguments.operands) for word in text.replace(",", " ").split() or [text]]
        text = arguments.text("status")
        self.status = None if text is None else read_status(text, problems)
        self.summary, self.tasks = arguments.flag("summary"), arguments.flag("tasks")
        self.limit = _limit(arguments.text("limit"), problems)
        self.form = "lines" if arguments.flag("json_lines") else "json" if arguments.flag("json") else "text"
        if _is_true(arguments.text("only_ids"), problems):
            self.form = "ids"
        if self.ids and (self.name is not None or self.user is not None or self.summary):
            problems.add("-i", "it names jobs, so it does not go with -j, -u or --summary")
        problems.check()


def show_summary(host: HostView, selection: Selection) -> None:
    """Tasks by state, per queue and in all."""
    queues = [entry for entry in host.summary() if selection.queue in (None, entry[0])]
    total = tuple(map(sum, zip(*(counts for _, counts in queues), strict=True))) if queues else (0,) * len(STATES)
    if selection.form != "text":
        named = [{"queue": name, "counts": dict(zip(STATES, counts, strict=True))} for name, counts in queues]
        output.write_json({"total": dict(zip(STATES, total, strict=True)), "queues": named})
        return
    rows = [(name, *map(str, counts)) for name, counts in (*queues, ("total", total))]
    heading = ("QUEUE", *map(str.upper, STATES))
    widths = [max(map(len, column)) for column in zip(heading, *rows, strict=True)]
    lines = ["  ".join([name.ljust(widths[0]), *map(str.rjust, cells, widths[1:])]) for name, *cells in (heading, *rows)]
    output.write("\n".join(lines) + "\n")


def with_values(argv: "list[str]") -> "list[str]":
    """`-o` and `--only-job-id-out` without a value mean true."""
    words: list[str] = []
    for at, word in enumerate(argv):
        words.append(word)
        if word in ("-o", "--only-job-id-out") and argv[at + 1 : at + 2] and argv[at + 1].lower() not in (*_TRUE, *_FALSE):
            words.append("true")
    if words[-1:] in (["-o"], ["--only-job-id-out"]):
        words.append("true")
    return words


def _is_true(text: str | None, problems: Problems) -> bool:
    if text is None or text.lower() in _FALSE:
        return False
    if text.lower() not in _TRUE:
        problems.add("--only-job-id-out", f"{text!r} is neither true nor false")
    return True


def _is_text(value: str) -> bool:
    """Whether it can be asked for: the database knows no bytes that are not UTF-8."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _limit(text: str | None, problems: Problems) -> int | None:
    if text is None:
        return None
    if text.isascii() and text.isdigit() and 0 < int(text) < 2**53:
        return int(text)
    problems.add("--limit", f"{text!r} is not a number of lines", "Give a number from 1")
    return None
