"""Putting a submission together from a script, its directives and what else was asked for: the same for `qsub` and the library.

Everything is looked at before anything is refused, so one run shows every mistake.
"""

import os

from cyclone_core.jobs import MAX_SCRIPT_BYTES, USUAL_UMASK, JobRequest
from cyclone_core.scheduler import scripts, settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from cyclone_core.problems import Problems

STDIN = "standard input"


def read_script(path: str, problems: "Problems") -> "bytes | None":
    """Bytes of a script file (`-`: standard input); None with a problem recorded. Never reads much more than a script may have."""
    shown = STDIN if path == "-" else path
    try:
        descriptor = 0 if path == "-" else os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as exc:
        _unreadable(path, exc, problems)
        return None
    try:
        info = os.fstat(descriptor)
        if info.st_mode & 0o170000 == 0o100000 and info.st_size > MAX_SCRIPT_BYTES:
            scripts.too_large(shown, info.st_size, problems)
            return None
        data = b""
        while len(data) <= MAX_SCRIPT_BYTES and (more := os.read(descriptor, MAX_SCRIPT_BYTES + 1)):
            data += more
        return data
    except OSError as exc:
        _unreadable(shown, exc, problems)
        return None
    finally:
        if path != "-":
            os.close(descriptor)


def build(
    path: str,
    script: "bytes | None",
    given: "dict[str, object]",
    places: "dict[str, str]",
    problems: "Problems",
    *,
    commands: "str | None" = None,
    replacements: "str | None" = None,
    environ: "Mapping[str, str] | None" = None,
    default_name: str = "",
    far: bool = False,
) -> JobRequest:
    """The request for a script. Records every problem; the request is only good for submission when there is none.

    path: where the script comes from, for messages. given: fields of the request, and `export`, `export_all`, which win over directives;
    places: where each was given, completed here. commands: replace the script's body. replacements: a checked line of parameters
    (`scheduler.parameters`). environ: the submitter's variables, by default this process's.
    default_name: used when nobody names the job, by default the script's file name. script: None when it could not be read.
    far: it runs on other machines: neither this directory nor this machine's PATH and the like go with it.
    """
    if script is not None and replacements:
        from cyclone_core.scheduler.parameters import replace

        script = replace(script, replacements)
    if script is not None:
        scripts.check_text(path, script, problems, needs_command=commands is None)
    script = script or b""
    values: dict[str, object] = {}
    directed: dict[str, str] = {}
    for line, arguments in scripts.directives(path, script, problems):
        settings.read(arguments, lambda field, line=line: f"{path}:{line}", values, directed, problems)  # type: ignore[misc]
    texts = [*values.pop("export", []), *given.pop("export", [])]  # type: ignore[misc]
    if "parameters" in given:
        values.pop("indices", None)
        values.pop("ranges", None)
    values.update(given)
    for field, place in directed.items():
        places.setdefault(field, place)
    every = bool(values.pop("export_all", False))
    own: object = values.pop("environment", None)
    values["environment"] = settings.read_environment(texts, every, os.environ if environ is None else environ, problems, not far)
    if own:
        values["environment"] |= own  # type: ignore[operator]
    if commands is not None:
        script = scripts.with_commands(script, commands.encode("utf-8", "surrogateescape"))
    values.setdefault("name", settings.job_name(default_name or os.path.basename(path)))
    request = _complete(path, script, values, problems, far)
    settings.check(request, problems, places)
    return request


def _complete(path: str, script: bytes, values: "dict[str, object]", problems: "Problems", far: bool) -> JobRequest:
    """A request with the defaults that depend on where it is made: directory, user, umask; and the number of tasks."""
    if not values.get("directory") and not far:
        try:
            values["directory"] = os.getcwd()
        except OSError:
            problems.add("", "the current directory does not exist any more, and the job would run in it", "Go to another one with cd")
    environ = os.environ
    if "user" not in values:
        values["user"] = environ.get("USER") or environ.get("LOGNAME") or _account()
    values.setdefault("umask", _umask())
    request = JobRequest(script=script, interpreter=scripts.interpreter(path, script, problems), **values)  # type: ignore[arg-type]
    if request.indices and request.indices[2] > 0:
        request.tasks = max(0, settings.task_count(request.indices))
    elif request.ranges:
        request.tasks = sum(map(settings.task_count, request.ranges))
    return request


def _umask() -> int:
    """The umask of this process. The kernel can only be asked by setting another, which other threads would feel; /proc tells it."""
    try:
        descriptor = os.open("/proc/self/status", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return USUAL_UMASK
    try:
        text = os.read(descriptor, 4096)
        return int(text[text.index(b"Umask:") + 6 :].split(None, 1)[0], 8)
    except (OSError, ValueError, IndexError):
        return USUAL_UMASK
    finally:
        os.close(descriptor)


def _account() -> str:
    """Name of the account that this process runs as, its number where it has none (containers)."""
    import pwd  # seldom needed: cron and containers leave USER out

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def _unreadable(path: str, exc: OSError, problems: "Problems") -> None:
    reason = (exc.strerror or str(exc)).lower()
    hint = ""
    if isinstance(exc, FileNotFoundError):
        from cyclone_core.options import did_you_mean

        folder, name = os.path.split(path)
        try:
            near = did_you_mean(name, os.listdir(folder or "."))
        except OSError:
            near = ""
        hint = "D" + near.removeprefix(": d") if near else "Check the name, or give commands with -c"
    problems.add(path or "''", f"cannot be read: {reason}", hint)
