"""`qsub --again`: what is over runs once more. Prints the ids of the new jobs, one per line, in the order in which the old ones were named.

Loaded only for it: the usual `qsub` does not pay.
"""

from cyclone_core import ids
from cyclone_core.errors import UsageError
from cyclone_core.jobs import FINAL, STATES
from cyclone_core.operations import jobs
from cyclone_core.problems import Problems
from cyclone_tui.cli import output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from cyclone_core.operations.jobs import Again, Door
    from cyclone_core.options import Arguments

_ALLOWED = frozenset(("again", "only", "wait", "json", "host"))


def run(arguments: "Arguments", wait: "Callable[[Door, list[int]], int]") -> int:
    """Submit again as the arguments say; `wait` is how `qsub --wait` does it. Returns the exit code."""
    wanted = _wanted(arguments)
    door = jobs.open_door(arguments.text("host"))
    new = door.again(wanted)
    if arguments.flag("json"):
        output.write_json([{"id": job, "again": one[0]} for job, one in zip(new, wanted, strict=True)])
    else:
        output.write("".join(f"{job}\n" for job in new))
    return wait(door, new) if arguments.flag("wait") and new else 0


def _wanted(arguments: "Arguments") -> "list[Again]":
    """Each job once, with its states and tasks. Raises UsageError, InvalidRequest."""
    if not arguments.flag("again"):
        raise UsageError("--only chooses tasks of jobs that run again: qsub --again ID --only Failed")
    others = [arguments.spelled[field] for field in arguments.values if field not in _ALLOWED]
    if others:
        raise UsageError(
            f"{', '.join(others)} cannot be combined with --again: the new job is like the old one. To change it, submit its script anew"
        )
    states = _states(arguments.text("only"))
    found: dict[int, set[int] | None] = {}
    for job, index in map(ids.parse, _words(arguments.operands)):
        tasks = found.setdefault(job, set())
        if index is None or tasks is None:
            found[job] = None
        else:
            tasks.add(index)
    if not found:
        raise UsageError("an ID is missing: qsub --again ID… See the jobs with: qstat")
    return [(job, states, None if tasks is None else tuple(sorted(tasks))) for job, tasks in found.items()]


def _words(operands: "list[str]") -> "list[str]":
    """Ids between blanks and commas, `-` for those on standard input."""
    words: list[str] = []
    for operand in operands:
        text = operand
        if operand == "-":
            import sys

            text = sys.stdin.read()
        words += text.replace(",", " ").split()
    return words


def _states(text: str | None) -> "tuple[int, ...] | None":
    """Final states by name. Raises InvalidRequest."""
    if text is None:
        return None
    problems = Problems()
    names = {STATES[state].lower(): state for state in sorted(FINAL)}
    words = text.replace(",", " ").split() or [text]
    for word in words:
        if word.lower() not in names:
            known = ", ".join(STATES[state] for state in names.values())
            problems.add("--only", f"{word!r} is no final state, and only what is over can run again", f"Choose of {known}")
    problems.check()
    return tuple(names[word.lower()] for word in words)
