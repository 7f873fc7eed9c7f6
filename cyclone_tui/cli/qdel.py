"""`qdel`: cancel jobs and tasks. Without anything to cancel it does nothing: an empty `$(qstat …)` must never empty a queue."""

from cyclone_core import ids
from cyclone_core.errors import UsageError
from cyclone_core.operations import jobs
from cyclone_core.scheduler.settings import is_job_name, is_name
from cyclone_tui.cli import diagnostics, output
from cyclone_tui.cli.options import COMMON, Option, read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cyclone_core.options import Arguments

USAGE = "qdel [OPTIONS] [ID…]"
ABOUT = """
Cancel jobs (1234) and tasks of arrays (1234--7). ID - reads ids from standard input, separated by blanks or line ends.
Waiting tasks are cancelled at once, running ones are ended: TERM, and KILL 3 seconds later. What is over stays as it is.
The whole queue: qdel -q QUEUE --all
"""
TABLE = (
    Option("-q --queue", "queue", "QUEUE", "with -j or --all: only jobs of this queue"),
    Option("-i --id", "id", "ID", "a job or task, like an ID behind the options", repeat=True),
    Option("-j --name", "name", "NAME", "all open jobs of this name", repeat=True),
    Option("--all", "all", "", "all open jobs of the queue (without -q: of the host)"),
    *COMMON,
)
SHOWN = 20
"""So many unknown ids are listed."""


def main() -> None:
    """Entry point."""
    diagnostics.run("qdel", run)


def run(argv: "list[str]") -> int:
    """Cancel as the arguments say; returns the exit code."""
    arguments = read(USAGE, ABOUT, TABLE, argv)
    selector = _selector(arguments)
    door = jobs.open_door(arguments.text("host"))
    answer = _empty()
    chooses = bool(selector["names"] or selector["all"])
    if chooses and selector["queue"] is not None and not selector["tasks"]:  # with ids it costs more than it tells
        from cyclone_core.operations import queries

        with queries.open_host(arguments.text("host")) as host:
            host.check_queue(selector["queue"])
            answer = host.door().cancel(selector)
    elif chooses or selector["tasks"]:
        answer = door.cancel(selector)
    if arguments.flag("json"):
        answer["unknown"] = [ids.format_task(*task) for task in answer["unknown"]]
        output.write_json(answer)
        return 1 if answer["unknown"] else 0
    if answer["unknown"]:
        diagnostics.tell("qdel", _unknown([ids.format_task(*task) for task in answer["unknown"]], answer["tasks"]))
        return 1
    return 0


def _selector(arguments: "Arguments") -> "dict[str, Any]":
    """What to cancel. Raises UsageError with every word that is no id."""
    words: list[str] = []
    for operand in arguments.operands:
        words += _stdin_words() if operand == "-" else operand.replace(",", " ").split()
    for text in arguments.texts("id"):
        words += text.replace(",", " ").split()
    tasks, wrong = [], []
    for word in words:
        try:
            tasks.append(ids.parse(word))
        except UsageError as exc:
            wrong.append(str(exc))
    names = arguments.texts("name")
    wrong += [f"{name!r} cannot be the name of a job" for name in names if not is_job_name(name)]
    if arguments.flag("all") and (words or names):
        wrong.append("--all cancels everything, so it does not go with ids or -j: leave one of them out. Nothing was cancelled")
    queue = arguments.text("queue")
    if queue is not None and not is_name(queue):
        wrong.append(f"{queue!r} cannot be the name of a queue")
    if wrong:
        raise UsageError("\n".join(wrong[:SHOWN] + ([f"{len(wrong) - SHOWN} more are no ids"] if len(wrong) > SHOWN else [])))
    return {"tasks": tasks, "names": names, "queue": queue, "all": arguments.flag("all")}


def _stdin_words() -> "list[str]":
    import os

    data = []
    while more := os.read(0, 1 << 20):
        data.append(more)
    return b"".join(data).decode("utf-8", "replace").split()


def _empty() -> "dict[str, Any]":
    return {"tasks": 0, "jobs": [], "finished": [], "unknown": []}


def _unknown(names: "list[str]", cancelled: int) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    rest = f" The others were cancelled ({cancelled} tasks)." if cancelled else ""
    return f"there is no {', '.join(names[:SHOWN])}{more}.{rest} See the jobs with: qstat"


if __name__ == "__main__":
    main()
