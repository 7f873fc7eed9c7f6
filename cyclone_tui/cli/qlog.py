"""`qlog`: what a job wrote, what it used, what happened to it.

Output of jobs goes to stdout as the bytes it was; only whole arrays that are followed get lines between the tasks (`==> 1234--7 <==`).
"""

from cyclone_core.errors import UsageError
from cyclone_core.jobs import ERROR
from cyclone_core.operations.queries import HostView, open_host
from cyclone_tui.cli import diagnostics, output
from cyclone_tui.cli.options import COMMON, Option, read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cyclone_core.operations.metrics_log import Sample
    from cyclone_core.operations.system_log import Event
    from cyclone_core.options import Arguments
    from cyclone_core.views import Job

USAGE = "qlog [-q QUEUE] -i ID[--INDEX] [-t STDOUT|METRICS|SYSTEM] [--follow]"
ABOUT = """
Shows what a job or a task of an array wrote (stdout and stderr, in the order written); of a whole array the outputs of all tasks by index.
METRICS shows CPU and memory as sampled while it ran, SYSTEM its state changes.
"""
TYPES = ("STDOUT", "METRICS", "SYSTEM")
TABLE = (
    Option("-i --id --job-id", "id", "ID", "the job, or ID--INDEX for one task of an array", repeat=True),
    Option("-q --queue", "queue", "NAME", "its queue (ids are unique, so this may be left out)"),
    Option("-t --type", "type", "TYPE", "STDOUT (default), METRICS or SYSTEM"),
    Option("-F --follow", "follow", "", "go on until the job ends"),
    Option("--attempt", "attempt", "N", "an earlier attempt (default: the last)"),
    Option("--headers", "headers", "", "of an array: a line ==> ID--INDEX <== before each task's output"),
    *COMMON,
)


def main() -> None:
    """Entry point."""
    diagnostics.run("qlog", command)


def command(argv: "list[str]") -> int:
    """Run with these arguments; returns the exit code."""
    arguments = read(USAGE, ABOUT, TABLE, argv)
    ids = [*arguments.texts("id"), *arguments.operands]
    kind = _type(arguments.text("type"))
    if len(ids) != 1:
        raise UsageError("one job is needed: qlog -i ID (see qstat)" if not ids else f"one job at a time, not {len(ids)}: {' '.join(ids)}")
    with open_host(arguments.text("host")) as host:
        job, task = host.find(ids, arguments.text("queue"))[0]
        host.revive()
        position = task.position if task else None if job.array else 1
        _show(host, job, position, kind, _attempt(arguments, position), arguments)
    return 0


def _show(host: HostView, job: "Job", position: int | None, kind: str, attempt: int | None, arguments: "Arguments") -> None:
    follow = arguments.flag("follow")
    if follow and arguments.flag("json"):
        raise UsageError("--follow and --json do not go together: leave one of them out")
    if kind == "STDOUT" and arguments.flag("json"):
        from cyclone_tui.cli import listing

        listing.write_json(_output_records(host, job, position, attempt), "json")
        return
    if kind == "STDOUT":
        _write_through(
            _followed(host, job, position, attempt) if follow else _output(host, job, position, attempt, arguments.flag("headers"))
        )
        _tell_error(host, job, position)
        return
    rows = _system(host, job, position) if kind == "SYSTEM" else _metrics(host, job, position, attempt)
    if follow:
        if position is None:
            raise UsageError(f"-t {kind} --follow is for one task: qlog -i {job.task_id(1)} -t {kind} --follow")
        _follow_rows(host, job, position, kind, attempt)
    elif arguments.flag("json"):
        _write_json(rows)
    else:
        output.write_batches(_lines(rows, kind))


def _tell_error(host: HostView, job: "Job", position: int | None) -> None:
    """A task that could not run has no output: say why, to people."""
    task = host.reader.task(job.id, position) if position is not None else None
    if task is not None and task.status == ERROR and task.reason:
        diagnostics.tell("qlog", f"{job.task_id(task.position)} is in state Error: {task.reason}")


def _output(host: HostView, job: "Job", position: int | None, attempt: int | None, headers: bool) -> "Iterator[bytes]":
    """The output so far of a task, or of all of an array."""
    from cyclone_core.operations import logs

    if position is not None:
        yield from logs.output(host, job, position, attempt, fresh=True)
        return
    last = 0
    for place, data in logs.array_output(host, job):
        if headers and place != last:
            yield _header(job, place, last == 0)
        last = place
        yield data


def _output_records(host: HostView, job: "Job", position: int | None, attempt: int | None) -> "Iterator[dict[str, object]]":
    """One object per task that wrote something; bytes that are no UTF-8 become U+FFFD."""
    from cyclone_core.operations import logs

    pieces = logs.array_output(host, job) if position is None else ((position, data) for data in logs.output(host, job, position, attempt))
    place, parts = 0, list[bytes]()
    for at, data in pieces:
        if at != place and parts:
            yield _record(job, place, parts)
            parts = []
        place = at
        parts.append(data)
    if parts:
        yield _record(job, place, parts)


def _record(job: "Job", position: int, parts: "list[bytes]") -> "dict[str, object]":
    return {"id": job.task_id(position) if job.array else job.id, "output": b"".join(parts).decode("utf-8", "replace")}


def _followed(host: HostView, job: "Job", position: int | None, attempt: int | None) -> "Iterator[bytes]":
    """Output as it comes; in an array a line tells when the task changes, for a task a word on stderr when it is run again."""
    from cyclone_core.operations import follow

    last = (0, 0)
    if position is None:
        for place, number, data in follow.array(host, job):
            if (place, number) != last:
                yield _header(job, place, last == (0, 0))
            last = place, number
            yield data
        return
    for place, number, data in follow.task(host, job, position, attempt):
        if last[1] and number != last[1]:
            diagnostics.tell("qlog", f"{job.task_id(place)} runs again: attempt {number}")
        last = place, number
        yield data


def _header(job: "Job", position: int, is_first: bool) -> bytes:
    return f"{'' if is_first else chr(10)}==> {job.task_id(position)} <==\n".encode()


def _write_through(pieces: "Iterable[bytes]") -> None:
    """Each piece at once: somebody may be watching."""
    for piece in pieces:
        output.write(piece)


def _system(host: HostView, job: "Job", position: int | None) -> "Iterable[Event]":
    from cyclone_core.operations import system_log

    return system_log.of_array(host, job) if position is None else system_log.of_task(host, job, position)


def _metrics(host: HostView, job: "Job", position: int | None, attempt: int | None) -> "Iterable[Sample]":
    from cyclone_core.operations import metrics_log

    return metrics_log.of_array(host, job) if position is None else metrics_log.of_task(host, job, position, attempt)


def _follow_rows(host: HostView, job: "Job", position: int, kind: str, attempt: int | None) -> None:
    """Print what is new each time, until the task is final."""
    from time import sleep

    told: set[str] = set()
    while True:
        task = host.reader.task(job.id, position)
        now = host.reader.job(job.id)
        if now is None or task is None:
            return
        fresh = [
            line
            for line in _lines(_system(host, now, position) if kind == "SYSTEM" else _metrics(host, now, position, attempt), kind)
            if line not in told
        ]
        told.update(fresh)
        output.write("".join(fresh))
        if task.is_final:
            return
        sleep(max(0.5, host.poll_s))


def _lines(rows: "Iterable[object]", kind: str) -> "Iterator[str]":
    from cyclone_tui.cli.text import event_line, sample_heading, sample_line

    is_first = True
    for row in rows:
        if kind == "METRICS" and is_first:
            yield sample_heading()
            is_first = False
        yield event_line(row) if kind == "SYSTEM" else sample_line(row)  # type: ignore[arg-type]


def _write_json(rows: "Iterable[object]") -> None:
    from cyclone_tui.cli.text import event_json, sample_json

    output.write_json([event_json(row) if isinstance(row, tuple) else sample_json(row) for row in rows])  # type: ignore[arg-type]


def _type(text: str | None) -> str:
    kind = (text or TYPES[0]).upper()
    if kind not in TYPES:
        from cyclone_core.options import did_you_mean

        raise UsageError(f"-t {text}: there is no such log{did_you_mean(kind, TYPES) or '.'} One of {', '.join(TYPES)}")
    return kind


def _attempt(arguments: "Arguments", position: int | None) -> int | None:
    text = arguments.text("attempt")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 2**31):
        raise UsageError(f"--attempt {text}: attempts are numbers from 1")
    if position is None:
        raise UsageError("--attempt is for one task: qlog -i ID--INDEX --attempt N")
    return int(text)
