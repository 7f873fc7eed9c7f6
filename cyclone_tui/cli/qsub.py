"""`qsub`: submit a script. On success stdout is one line, the job's id, and stderr is empty: programs read it."""

import sys

from cyclone_core.errors import InvalidRequest, UsageError
from cyclone_core.jobs import CANCELLED, ERROR, SUCCESSFUL
from cyclone_core.operations import jobs, requests
from cyclone_core.problems import Problem, Problems
from cyclone_core.scheduler import settings
from cyclone_core.scheduler.scripts import SETTINGS
from cyclone_tui.cli import diagnostics, output
from cyclone_tui.cli.options import COMMON, Option, read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cyclone_core.jobs import JobRequest
    from cyclone_core.operations.jobs import Door, Progress
    from cyclone_core.options import Arguments

USAGE = "qsub [OPTIONS] FILENAME   or   qsub --again ID… [--only STATES]"
ABOUT = """
Submit a bash script (or one with another #! line) as a job and print its id. FILENAME - reads the script from standard input.
Options win over directives, lines at the top of the script such as
    #HYPER -n NAME -q QUEUE -r RETRIES -d DEFINITION
The job runs in this directory (on an AWS host in its worker's, without this shell's PATH and HOME). Its tasks see CYCLONE_JOB_ID,
CYCLONE_TASK_INDEX, CYCLONE_ATTEMPT, CYCLONE_QUEUE.
With --again jobs that are over (1234) or tasks of arrays (1234--7) run once more, each job as a new one; the tasks keep their indices.
"""
TABLE = (
    *SETTINGS,
    Option("-c --commands", "commands", "COMMANDS", "run these commands instead of the script's; FILENAME may be left out"),
    Option("-p --replace", "replace", "JSON", 'replace texts in the script: \'{"NAME": "value"}\''),
    Option("-a --parameters", "parameters", "FILE", "an array: one JSON object per line, whose names are replaced in the script"),
    Option("--wait", "wait", "", "wait for the job's end and leave with its exit code"),
    Option("--idempotency-key", "idempotency_key", "KEY", "submitting again with this key gives the same job"),
    Option("--again", "again", "", "the operands are ids: run what is over once more, as new jobs of the same script and settings"),
    Option("--only", "only", "STATES", "with --again: only tasks in these states: Failed,Error,Cancelled"),
    *COMMON,
)


def main() -> None:
    """Entry point."""
    diagnostics.run("qsub", run)


def run(argv: "list[str]") -> int:
    """Submit as the arguments say; returns the exit code."""
    arguments = read(USAGE, ABOUT, TABLE, argv)
    if arguments.flag("again") or "only" in arguments:
        from cyclone_tui.cli import again

        return again.run(arguments, _wait)
    filename = _filename(arguments)
    door = jobs.open_door(arguments.text("host"))
    places: dict[str, str] = {}
    request = _request(arguments, filename, door, places)
    try:
        (job,) = door.submit(request, _progress() if request.parameters else None)
    except InvalidRequest as exc:
        raise InvalidRequest([Problem(places.get(each.path, each.path), each.message, each.hint) for each in exc.problems]) from exc
    _tell(job, request, arguments.flag("json"))
    return _wait(door, [job]) if arguments.flag("wait") else 0


def _tell(job: int, request: "JobRequest", as_json: bool) -> None:
    """Print the id. Where that is not possible the job is there all the same, and whoever submitted it has to know."""
    try:
        if as_json:
            output.write_json({"id": job, "name": request.name, "tasks": request.tasks, "array": request.is_array})
        else:
            output.write(f"{job}\n")
    except output.Unwritable as exc:
        raise output.Unwritable(f"job {job} was submitted, but {exc}") from exc


def _filename(arguments: "Arguments") -> "str | None":
    """The one operand, None where -c makes it superfluous."""
    if len(arguments.operands) > 1:
        extra = arguments.operands[1]
        raise UsageError(f"one FILENAME is expected, {extra!r} is too much. Hand values to a script with -v NAME=VALUE or -p")
    if arguments.operands:
        return arguments.operands[0]
    if "commands" not in arguments:
        raise UsageError("a FILENAME is missing: qsub FILENAME, qsub - for standard input, or qsub -c 'COMMANDS'. See qsub --help")
    return None


def _request(arguments: "Arguments", filename: "str | None", door: "Door", places: "dict[str, str]") -> "JobRequest":
    """The checked request. Raises InvalidRequest with everything that is wrong."""
    problems = Problems()
    given: dict[str, object] = {}
    settings.read(arguments, arguments.spelled.__getitem__, given, places, problems)
    if arguments.text("idempotency_key") is not None:
        given["idempotency_key"] = _key(arguments.text("idempotency_key") or "", problems)
    replacements = _replacements(arguments, problems)
    try:
        if "parameters" in arguments:
            _take_parameters(arguments, filename, door, given, problems)
        request = _build(arguments.text("commands"), filename, given, places, problems, replacements, door.type == "aws")
        problems.check()
    except BaseException:
        if "parameters" in given:
            jobs.discard(str(given["parameters"]))
        raise
    return request


def _build(
    commands: "str | None",
    filename: "str | None",
    given: "dict[str, object]",
    places: "dict[str, str]",
    problems: Problems,
    replacements: "str | None",
    far: bool,
) -> "JobRequest":
    """The request for a file, for standard input, or for commands alone."""
    if filename is None:
        script = f"#!/bin/bash\n{commands}\n".encode("utf-8", "surrogateescape")
        _tell_unused("the commands", script, replacements)
        return requests.build(
            "-c", script, given, places, problems, replacements=replacements, default_name=settings.command_name(commands or ""), far=far
        )
    text = requests.read_script(filename, problems)
    _tell_unused(filename, text, replacements)
    path, name = (requests.STDIN, "STDIN") if filename == "-" else (filename, "")
    return requests.build(path, text, given, places, problems, commands=commands, replacements=replacements, default_name=name, far=far)


def _take_parameters(arguments: "Arguments", filename: "str | None", door: "Door", given: "dict[str, object]", problems: Problems) -> None:
    """Pack the parameter file into the host's spool."""
    from cyclone_core.scheduler.packing import pack

    source = arguments.text("parameters") or ""
    if "indices" in given:
        problems.add("-t", "cannot be combined with -a: the number of lines is the number of tasks", "Leave one of them out")
    if source == "-" and filename == "-":
        raise UsageError("script and parameters cannot both come from standard input")
    target = door.spool()
    try:
        given["tasks"] = pack(source, target)
        given["parameters"] = target
    except InvalidRequest as exc:
        problems.extend(exc.problems)
    except OSError as exc:
        problems.add(exc.filename or source, f"cannot be read: {(exc.strerror or str(exc)).lower()}")


def _progress() -> "Progress | None":
    """Tells a person how much of a large parameter file has reached the host."""
    if sys.stderr is None or not sys.stderr.isatty():
        return None
    from cyclone_tui.cli.uploads import tell

    return tell


def _replacements(arguments: "Arguments", problems: Problems) -> "str | None":
    text = arguments.text("replace")
    if text is None:
        return None
    from cyclone_core.scheduler.parameters import read_replacements

    try:
        return read_replacements(text)
    except ValueError as exc:
        problems.add("-p", f"{exc} ({text[:60]!r})", 'Write -p \'{"NAME": "value"}\'')
        return None


def _tell_unused(where: str, script: "bytes | None", replacements: "str | None") -> None:
    """Tell a person (never a program) which names of -p stand nowhere: one dict is often used for several scripts, so it is no mistake."""
    if replacements is None or script is None or sys.stderr is None or not sys.stderr.isatty():
        return
    from cyclone_core.scheduler.parameters import pairs_of

    unused = [repr(name.decode("utf-8", "replace")) for name, _ in pairs_of(replacements) if name not in script]
    if unused:
        diagnostics.tell("qsub", f"-p: {', '.join(sorted(unused))} {'stands' if len(unused) == 1 else 'stand'} nowhere in {where}")


def _key(text: str, problems: Problems) -> str:
    if not 0 < len(text) <= 256 or not text.isprintable():
        problems.add("--idempotency-key", f"{text[:60]!r} cannot be a key: 1 to 256 printable characters")
    return text


def _wait(door: "Door", ids: "list[int]") -> int:
    """Exit code of the jobs once they have ended: of the first that did not end well."""
    if sys.stderr is not None and sys.stderr.isatty():
        what = (
            f"job {ids[0]} (Ctrl-C ends the waiting, not the job)" if len(ids) == 1 else f"{len(ids)} jobs (Ctrl-C ends only the waiting)"
        )
        diagnostics.tell("qsub", f"waiting for {what}")
    codes = {job: 0 if status == SUCCESSFUL else 1 if status in (CANCELLED, ERROR) else code or 1 for job, status, code in door.wait(ids)}
    return next((codes[job] for job in ids if codes[job]), 0)


if __name__ == "__main__":
    main()
