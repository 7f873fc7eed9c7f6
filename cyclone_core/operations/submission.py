"""A submission as a form holds it: texts as they are typed. What is wrong with it, field by field; what its tasks will be; the `qsub`
command line that does the same; and submitting it.

A form is written as the words of a command line and read by the rules of `qsub`, so both accept and refuse the same with the same words.
Nothing is stored before `submit`.
"""

import os
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from cyclone_core.errors import InvalidRequest, UsageError
from cyclone_core.jobs import JobRequest
from cyclone_core.operations import jobs, requests, submission_preview
from cyclone_core.operations.queries import HostView
from cyclone_core.operations.submission_preview import Preview, Sample
from cyclone_core.options import parse
from cyclone_core.problems import Problem, Problems
from cyclone_core.scheduler import scripts, settings
from cyclone_core.scheduler.admission import check_place

__all__ = (
    "Array", "Choices", "Draft", "Effective", "Judged", "Preview", "Sample", "choices", "command", "completions", "is_file", "judge",
    "read_file", "save_file", "submit",
)  # fmt: skip

Array = Literal["", "indices", "parameters"]
Bodies = dict[str, dict[str, dict[str, Any]]]
FIELDS = (
    "script", "queue", "definition", "name", "retries", "priority", "timeout", "array", "indices", "parameters", "options",
)  # fmt: skip
"""Where a problem can be: names of fields of a form."""
_OPTIONS = (
    ("name", "-j"), ("queue", "-q"), ("definition", "-d"), ("retries", "-r"), ("priority", "--priority"), ("timeout", "--timeout"),
)  # fmt: skip
_FORM_FIELD = {"array": "indices", "limit": "indices", "ranges": "indices", "timeout_s": "timeout"}
_OF_OPTIONS = ("retry_exit", "export", "export_all", "warm", "environment")
UNNAMED = "script"
EDITED_BYTES = 2**20
"""Largest script that a form holds."""


@dataclass(frozen=True)
class Draft:
    """What a form holds; "" is what nobody filled in: then the script's directives hold, and behind them the host's defaults."""

    path: str = ""
    """file that the script came from"""
    text: str = ""
    edited: bool = False
    """the text is not (any more) that of the file"""
    queue: str = ""
    definition: str = ""
    name: str = ""
    retries: str = ""
    priority: str = ""
    timeout: str = ""
    array: Array = ""
    """what makes an array of it: nothing but the script, the indices, or a parameter file"""
    indices: str = ""
    parameters: str = ""
    options: str = ""
    """further options of `qsub`, as on the command line"""

    @property
    def is_empty(self) -> bool:
        """Whether nothing was filled in."""
        return self == Draft()


@dataclass(frozen=True)
class Effective:
    """What a field comes to when nobody fills it in."""

    value: str
    source: str = ""
    """`#HYPER in line 3`, `host`; "" for what is always so"""


@dataclass(frozen=True)
class Judged:
    """A form as it stands now."""

    problems: tuple[tuple[str, Problem], ...] = ()
    """(field, problem)"""
    effective: Mapping[str, Effective] = field(default_factory=dict)
    preview: Preview = field(default_factory=Preview)
    command: str = ""
    """the command line that does the same"""

    def of(self, name: str) -> tuple[Problem, ...]:
        """The problems of a field."""
        return tuple(problem for where, problem in self.problems if where == name)


@dataclass(frozen=True)
class Choices:
    """What a submission can choose from: (name, remark) of each; empty on the first day of a host, which then makes its own."""

    queues: tuple[tuple[str, str], ...] = ()
    definitions: tuple[tuple[str, str], ...] = ()


def choices(host: HostView) -> Choices:
    """Queues and definitions of a host."""
    bodies = _bodies(host)
    queues = tuple((name, "paused" if body.get("paused") else "") for name, body in sorted(bodies["queue"].items()))
    return Choices(queues, tuple((name, _size(body)) for name, body in sorted(bodies["definition"].items())))


def read_file(path: str) -> str:
    """The text of a script file. Raises InvalidRequest when it cannot be read or edited."""
    problems = Problems()
    data = requests.read_script(os.path.expanduser(path), problems) or b""
    problems.check()
    hint = "Submit it as it is: qsub " + shlex.quote(path)
    if len(data) > EDITED_BYTES:
        raise InvalidRequest([Problem(path, f"has {len(data):,} bytes, more than can be edited here", hint)])
    try:
        return data.decode()
    except UnicodeDecodeError as exc:
        raise InvalidRequest([Problem(path, f"is not UTF-8 text (byte {exc.start + 1}), so it cannot be edited here", hint)]) from exc


def completions(typed: str, most: int = 50) -> tuple[tuple[str, str], ...]:
    """What a typed path may become: (path, note), directories with a slash at their end. Hidden names only when asked for."""
    folder, slash, start = typed.rpartition("/")
    try:
        with os.scandir(os.path.expanduser(folder + slash) or ".") as entries:
            found = sorted((not entry.is_dir(), entry.name) for entry in entries if entry.name.startswith(start))
    except OSError:
        return ()
    shown = [(is_file, name) for is_file, name in found if start.startswith(".") or not name.startswith(".")][:most]
    return tuple((folder + slash + name + ("" if is_file else "/"), "") for is_file, name in shown)


def is_file(path: str) -> bool:
    """Whether a path names a regular file."""
    return os.path.isfile(os.path.expanduser(path))


def save_file(path: str, text: str) -> str:
    """Write a script to a file, which becomes executable by its owner when it is new; returns its path. Raises InvalidRequest."""
    path = os.path.expanduser(path)
    try:
        data = text.encode("utf-8", "surrogateescape")  # before the file is opened: what cannot be written must not cost what was there
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o755)
        with open(descriptor, "wb") as file:
            file.write(data)
    except (OSError, ValueError) as exc:
        why = (exc.strerror if isinstance(exc, OSError) else None) or str(exc)
        raise InvalidRequest([Problem(path, f"cannot be written: {why.lower()}", "Choose another name")]) from exc
    return path


def judge(host: HostView, draft: Draft) -> Judged:
    """Everything that is wrong with a form and what it comes to, without storing anything."""
    form = _Form(draft, host.type == "aws")
    sample = submission_preview.look(draft.parameters, form.problems) if draft.array == "parameters" else None
    request, directed = form.build(sample.tasks if sample else None)
    bodies = _bodies(host)
    _check_place(request, form, bodies)
    told = tuple(form.told())
    return Judged(told, _effective(form, request, directed, bodies), _preview(form, request, directed, sample, told), command(draft))


def submit(host: HostView, draft: Draft) -> int:
    """Submit a form; the job's id. Raises InvalidRequest (paths of its problems are names of fields), HostUnavailable, StateUnusable."""
    form, door = _Form(draft, host.type == "aws"), host.door()
    target = ""
    try:
        tasks = None
        if draft.array == "parameters":
            target = door.spool()
            tasks = submission_preview.pack_file(draft.parameters, target, form.problems)
        request, _ = form.build(tasks, target)
        if form.problems:
            raise InvalidRequest(list(form.problems))
        return door.submit(request)[0]
    except InvalidRequest as exc:
        if target:
            jobs.discard(target)
        form.problems.found = list(exc.problems)
        told = [(f"{where}:{problem.path}" if problem.path else where, problem) for where, problem in form.told()]
        raise InvalidRequest([Problem(where, problem.message, problem.hint) for where, problem in told]) from exc


def command(draft: Draft) -> str:
    """The command line that submits the same. A script that lies in no file follows as a here-document."""
    words = ["qsub", *_words(draft)]
    if draft.array == "parameters":
        words += ["-a", draft.parameters or "FILE"]
    if draft.edited or not draft.path:
        if not draft.name and not _names_itself(draft):
            words += ["-j", default_name(draft)]
        return f"{shlex.join([*words, '-'])} {_here(draft.text)}"
    return shlex.join([*words, draft.path])


def default_name(draft: Draft) -> str:
    """Name of a job that nobody names."""
    return settings.job_name(os.path.basename(draft.path) or UNNAMED)


class _Form:
    """A draft on its way to a request, with the problems found so far."""

    def __init__(self, draft: Draft, far: bool = False) -> None:
        self.far = far
        self.draft, self.problems = draft, Problems()
        self.label = draft.path or UNNAMED
        self.places: dict[str, str] = {}

    def build(self, tasks: int | None, packed: str = "") -> tuple[JobRequest, dict[str, str]]:
        """The request, and where its script says something: field -> place. tasks: of the parameter file, once it was looked at."""
        given: dict[str, object] = {}
        arguments = parse(scripts.SETTINGS, _words(self.draft, free=False))
        settings.read(arguments, _where, given, self.places, self.problems)
        self._read_options(given)
        if self.draft.array == "parameters":
            given["parameters"], given["tasks"] = packed or self.draft.parameters or "?", tasks or 1
        elif self.draft.array == "indices" and not self.draft.indices:
            self.problems.add("indices", "no indices are given", "Write 100, 1-100:5%10 or 1,5,9-12")
        mine = dict(self.places)
        script = self.draft.text.encode("utf-8", "surrogateescape")
        request = requests.build(self.label, script, given, self.places, self.problems, default_name=default_name(self.draft), far=self.far)
        return request, {key: place for key, place in self.places.items() if key not in mine}

    def told(self) -> Iterator[tuple[str, Problem]]:
        """The problems with their fields; those of the script keep the line."""
        for problem in self.problems:
            where = problem.path
            at = "script" if where == self.label or where.startswith(f"{self.label}:") else _FORM_FIELD.get(where, where)
            if at not in FIELDS:
                at = "options" if where in _OF_OPTIONS or where.startswith("-") else "script"
            line = where[len(self.label) + 1 :] if at == "script" and where.startswith(f"{self.label}:") else ""
            yield at, Problem(f"line {line}" if line else "", problem.message, problem.hint)

    def _read_options(self, given: dict[str, object]) -> None:
        """Further options, typed as on a command line."""
        try:
            arguments = parse(scripts.SETTINGS, shlex.split(self.draft.options))
            if arguments.operands:
                raise UsageError(f"{arguments.operands[0]!r} is no option. Write options as for qsub: -v NAME=VALUE --warm")
        except (UsageError, ValueError) as exc:
            self.problems.add("options", str(exc) if isinstance(exc, UsageError) else f"cannot be read: {str(exc).lower()}")
            return
        settings.read(arguments, lambda name: "options", given, self.places, self.problems)


def _where(name: str) -> str:
    return _FORM_FIELD.get(name, name)


def _words(draft: Draft, free: bool = True) -> list[str]:
    """Options of a draft as words of a command line."""
    words: list[str] = []
    wanted = [(option, str(getattr(draft, name))) for name, option in _OPTIONS]
    if draft.array == "indices":
        wanted.append(("-t", draft.indices))
    for option, value in wanted:
        if value:
            words += [f"{option}={value}" if option[:2] == "--" else option + value] if value[0] == "-" else [option, value]
    if free:
        try:
            words += shlex.split(draft.options)
        except ValueError:
            words.append(draft.options)
    return words


def _names_itself(draft: Draft) -> bool:
    """Whether directives or further options name the job."""
    request, directed = _Form(draft).build(None)
    return "name" in directed or request.name != default_name(draft)


def _here(text: str) -> str:
    """A script as a here-document, with an end that does not stand in it."""
    end, rows = "END", set(text.splitlines())
    while end in rows:
        end += "_"
    return f"<<'{end}'\n{text}{'' if text.endswith(chr(10)) or not text else chr(10)}{end}"


# -- where it goes ----------------------------------------------------------------------------------------------------------------
def _bodies(host: HostView) -> Bodies:
    found: Bodies = {}
    for kind in ("queue", "cluster", "definition"):
        pairs = ((name, host.reader.resource(kind, name)) for name in host.reader.resource_names(kind))
        found[kind] = {name: one[0] for name, one in pairs if one}
    return found


def _check_place(request: JobRequest, form: _Form, bodies: Bodies) -> None:
    """What the host would say to queue and definition; on its first day it makes them itself."""
    wrong = {problem.path for problem in form.problems}
    if not any(bodies.values()):
        return
    for problem in check_place(request.queue, request.definition, bodies):
        if form.places.get(problem.path, problem.path) not in wrong:
            form.problems.extend([problem])


def _size(body: Mapping[str, Any]) -> str:
    """`2 vCPU, 1024 MiB`."""
    memory = body.get("memory_limit_mib")
    return f"{body.get('vcpus') or 1:g} vCPU" + (f", {memory:,} MiB" if memory else "")


def _effective(form: _Form, request: JobRequest, directed: Mapping[str, str], bodies: Bodies) -> dict[str, Effective]:
    """What holds for the fields that nobody fills in."""

    def of(name: str, value: object, default: str, source: str = "") -> Effective:
        place = directed.get(name)
        return Effective(str(value), f"#HYPER, {_line(form, place)}") if place else Effective(default, source)

    return {
        "queue": of("queue", request.queue, _default(bodies["queue"]), "host"),
        "definition": of("definition", request.definition, _default(bodies["definition"]), "host"),
        "name": of("name", request.name, default_name(form.draft)),
        "retries": of("retries", request.retries, "0"),
        "priority": of("priority", request.priority, "0"),
        "timeout": of("timeout_s", _time(request.timeout_s), "none"),
        "indices": of("indices", submission_preview.indices_text(request) if request.is_array else "", ""),
    }


def _time(seconds: float) -> str:
    """Seconds as `--timeout` takes them: `2h`, `1h30m`, `90s`, `none`."""
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    if rest or seconds < 60:
        return f"{seconds:g}s" if seconds else "none"
    return (f"{hours:.0f}h" if hours else "") + (f"{minutes:.0f}m" if minutes else "")


def _default(bodies: Mapping[str, object]) -> str:
    if "default" in bodies or not bodies:
        return "default"
    return next(iter(bodies)) if len(bodies) == 1 else ""


def _line(form: _Form, place: str) -> str:
    return f"line {place[len(form.label) + 1 :]}" if place.startswith(f"{form.label}:") else place


def _preview(
    form: _Form,
    request: JobRequest,
    directed: Mapping[str, str],
    sample: submission_preview.Sampled | None,
    told: Iterable[tuple[str, Problem]],
) -> Preview:
    script = form.draft.text.encode("utf-8", "surrogateescape")
    if form.draft.array == "parameters":
        source = form.draft.parameters
        return submission_preview.of_parameters(script, sample, source) if sample else Preview(0, 0, True, source=source)
    if not request.is_array:
        return Preview()
    where = directed.get("array")
    source = f"#HYPER, {_line(form, where)}" if where else f"-t {submission_preview.indices_text(request)}"
    if request.tasks < 1 or any(at == "indices" for at, _ in told):
        return Preview(0, request.limit, True, source=source)
    return submission_preview.of_indices(script, request, source)
