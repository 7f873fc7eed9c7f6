"""Cyclone from Python: connect to a host, submit jobs, follow them. The same code that the job commands run on.

    from cyclone_core import connect

    host = connect()                                   # the selected host; `local` exists without any configuration
    job = host.submit(text="echo hello")
    print(job.wait(), job.output())                    # Successful b'hello\\n'

Objects hold names and numbers: they can be shared between threads, kept, sent to other processes, and made again from an id. That of an AWS
host keeps its connections for the next call. Every call reads or asks anew; a supervisor that died is started again by the next request.
"""

import os
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from cyclone_core import paths
from cyclone_core.errors import InvalidRequest, NotFound
from cyclone_core.jobs import STATES, JobRequest
from cyclone_core.operations import jobs, logs, queries, requests
from cyclone_core.problems import Problem, Problems
from cyclone_core.scheduler import settings as rules
from cyclone_core.scheduler.packing import pack_objects
from cyclone_core.shell_executor import Completed, ShellExecutor
from cyclone_core.views import Job as JobView
from cyclone_core.views import Task as TaskView

if TYPE_CHECKING:
    from datetime import date

    from cyclone_core.operations.leaving import Asked
    from cyclone_core.operations.machines import MachineView
    from cyclone_core.operations.usage import Usage

__all__ = ["Array", "Completed", "Host", "Job", "JobView", "Settings", "ShellExecutor", "TaskView", "connect"]

Array = int | range | str | Iterable[Mapping[str, object]]
"""Tasks of an array: so many (1, 2, …), the indices of a range or of a list as `qsub -t` takes it ("1,5,9-12%2"), or one task per dict,
whose names are replaced in the script."""


class Settings(TypedDict, total=False):
    """What a submission may say beside its script. What is left out follows the script's `#HYPER` directives, then the host."""

    name: str
    """Of the job: up to 128 printable characters."""
    queue: str
    definition: str
    retries: int
    """Runs again up to so many times after a failure."""
    retry_exit: Sequence[int | tuple[int, int]]
    """Only these exit codes, or ranges of them, are retried."""
    timeout_s: float
    """Seconds an attempt may run, 0 = no limit."""
    priority: int
    """-1000 to 1000, higher first."""
    environment: Mapping[str, str]
    """Variables on top of PATH, HOME, USER, LANG and TMPDIR of this process, on an AWS host of the worker."""
    export_all: bool
    """The job gets all variables of this process."""
    directory: str
    """Where it runs; by default the current directory, on an AWS host the worker's."""
    limit: int
    """Most tasks of an array that run at once, 0 = no limit."""
    warm: bool
    """Run tasks in warm shells."""
    idempotency_key: str
    """Submitting twice with one key is one job."""
    replace: Mapping[str, object]
    """Texts to replace in the script, once for all tasks."""


def connect(name: str | None = None) -> "Host":
    """The named host, by default the selected one. Nothing is started before something is submitted.

    Raises NotFound (naming the nearest) for a host that does not exist.
    """
    return Host(name or paths.selected_host())


class Host:
    """One host, local or on AWS."""

    def __init__(self, name: str) -> None:
        """Use `connect`."""
        self.name, self._door = name, jobs.open_door(name)

    def __repr__(self) -> str:
        return f"Host({self.name!r})"

    def submit(
        self,
        script: str | os.PathLike[str] | None = None,
        *,
        text: str | bytes | None = None,
        argv: Sequence[str] | None = None,
        array: Array | None = None,
        **settings: Unpack[Settings],
    ) -> "Job":
        """Submit a job: the path of a script, the text of one, or the words of one command. Durable when this returns.

        Raises InvalidRequest with everything that is wrong, HostUnavailable, StateUnusable.
        """
        request = self.request(script, text=text, argv=argv, array=array, **settings)
        return Job(self, self._door.submit(request)[0])

    def submit_all(self, wanted: Iterable[JobRequest]) -> list["Job"]:
        """Submit many requests (of `request`) at once, all or none: thousands of jobs in one commit."""
        return [Job(self, job) for job in self._door.submit(list(wanted))]

    def request(
        self,
        script: str | os.PathLike[str] | None = None,
        *,
        text: str | bytes | None = None,
        argv: Sequence[str] | None = None,
        array: Array | None = None,
        **settings: Unpack[Settings],
    ) -> JobRequest:
        """What `submit` would submit. The parameters of an array lie in the host's spool already: submit it or `discard` it."""
        problems = Problems()
        given: dict[str, Any] = {key: value for key, value in settings.items() if value is not None}
        path, content, name = _source(script, text, argv, problems)
        replacements = given.pop("replace", None)
        if "retry_exit" in given:
            given["retry_exit"] = tuple(code if isinstance(code, tuple) else (code, code) for code in given["retry_exit"])
        try:
            _take_array(array, given, self._door, problems)
            line = None if replacements is None else _line(replacements, problems)
            made = requests.build(path, content, given, {}, problems, replacements=line, default_name=name, far=self._door.type == "aws")
            problems.check()
        except BaseException:
            if "parameters" in given:
                jobs.discard(given["parameters"])
            raise
        return made

    def discard(self, request: JobRequest) -> None:
        """Give up a request that was not submitted."""
        if request.parameters:
            jobs.discard(request.parameters)

    def job(self, job: int) -> "Job":
        """The handle of a job by its id. Raises NotFound."""
        found = Job(self, job)
        found.view()
        return found

    def jobs(
        self, *, queue: str | None = None, name: str | None = None, status: str | None = None, user: str | None = None
    ) -> Iterator[JobView]:
        """All jobs that fit, newest first, read in pages."""
        with queries.open_host(self.name) as view:
            yield from view.reader.each_job(queue, name, _status(status), user)

    def counts(self, queue: str | None = None) -> dict[str, int]:
        """Numbers of tasks by state, of a queue or of all."""
        with queries.open_host(self.name) as view:
            rows = [counts for name, counts in view.summary() if queue in (None, name)]
        return {state: sum(row[k] for row in rows) for k, state in enumerate(STATES)}

    def usage(
        self, by: str | None = None, *, since: "str | date | None" = None, until: "str | date | None" = None, job: int | None = None,
        queue: str | None = None, user: str | None = None, most_jobs: int | None = None,
    ) -> "Usage":  # fmt: skip
        """What work used and cost on these days (UTC, both included; by default the last seven), by queue, user, job, region, day …;
        of one job by region.

        since, until: a day, or `7d`, `2w`. Its `rows` have vCPU seconds and US dollars; `prices_of` is the date of list prices in them.
        Raises InvalidRequest with all that is wrong, NotFound for an unknown job.
        """
        from cyclone_core.operations import usage

        asked = usage.ask(by, since, until, job, queue, user, most_jobs)
        with queries.open_host(self.name) as view:
            return usage.of(view, asked)

    def wait(self, wanted: Iterable["Job | int"], timeout_s: float | None = None) -> Iterator[tuple["Job", str]]:
        """(job, final status) of each, as they end. Raises TimeoutError, NotFound."""
        numbers = [job if isinstance(job, int) else job.id for job in wanted]
        for number, status, _ in self._door.wait(numbers, timeout_s):
            yield Job(self, number), STATES[status]

    def again(self, *wanted: "Job | int", only: Iterable[str] | None = None) -> list["Job"]:
        """Run jobs that are over once more, or only their tasks in some final states (`only=["Failed", "Error"]`): the new jobs, in order.

        The new ones have the script, settings, queue and definition of the old, and their tasks the same indices and parameters.
        Raises InvalidRequest with everything that cannot run again.
        """
        states = _final(only)
        numbers = [job if isinstance(job, int) else job.id for job in wanted]
        return [Job(self, job) for job in self._door.again([(number, states) for number in numbers])]

    def cancel(self, *wanted: "Job | int", name: str | None = None, queue: str | None = None, every: bool = False) -> int:
        """Cancel jobs, those of a name, or with `every` all of a queue (of the host); returns how many tasks that touched.

        None of them is started afterwards. What is over stays as it is. Raises NotFound naming every unknown id; the others are cancelled.
        """
        tasks = [(job if isinstance(job, int) else job.id, None) for job in wanted]
        return _cancelled(self._door, {"tasks": tasks, "names": [name] if name else [], "queue": queue, "all": every})

    def machines(self) -> "tuple[MachineView, ...]":
        """Machines with several slots, EC2's and those that joined, by cluster, region and name; a local host has none."""
        from cyclone_core.operations.machines import machines

        with queries.open_host(self.name) as view:
            return machines(view)

    def drain(
        self, *workers: str, machines: Iterable[str] = (), cluster: str | None = None, region: str | None = None, every: bool = False
    ) -> "Asked":
        """Ask workers (ids of `hyper workers list-workers`) and machines (names or instances) to leave; with `every` all of a cluster,
        region or host.

        They hear it within a minute, take nothing more, and go when what runs has ended. For AWS hosts. Raises InvalidRequest with every
        name that is wrong, before anybody is asked.
        """
        from cyclone_core.operations.leaving import Wanted, ask_to_leave

        with queries.open_host(self.name) as view:
            return ask_to_leave(view, Wanted(workers, tuple(machines), cluster, region, every))


class Job:
    """A job of a host, by its id."""

    __slots__ = ("host", "id")

    def __init__(self, host: Host, job: int) -> None:
        """Use `Host.submit` or `Host.job`."""
        self.host, self.id = host, job

    def __repr__(self) -> str:
        return f"Job({self.id})"

    def view(self) -> JobView:
        """Everything about it, as it is now. Raises NotFound."""
        with queries.open_host(self.host.name) as view:
            return _found(view, self.id)

    @property
    def status(self) -> str:
        """Waiting, Running, Successful, Failed, Cancelled or Error."""
        return self.view().state

    @property
    def counts(self) -> dict[str, int]:
        """Numbers of its tasks by state."""
        return dict(zip(STATES, self.view().counts, strict=True))

    @property
    def exit_code(self) -> int | None:
        """As a shell shows it (128 + n for a signal); of an array the first that is not 0; None until it is over."""
        return self.view().exit_code

    def wait(self, timeout_s: float | None = None) -> str:
        """Wait for its end; returns the final status. Raises TimeoutError."""
        ((_, status, _),) = self.host._door.wait([self.id], timeout_s)
        return STATES[status]

    def tasks(self, status: str | None = None) -> Iterator[TaskView]:
        """Its tasks in order, read in pages; a single job has one."""
        wanted, after = _status(status), 0
        with queries.open_host(self.host.name) as view:
            while page := view.reader.tasks(self.id, wanted, after):
                yield from page
                after = page[-1].position

    def logs(self, index: int | None = None, attempt: int | None = None) -> Iterator[bytes]:
        """Output so far in pieces: of a task of an array by its index, else of the whole job. Raises NotFound."""
        with queries.open_host(self.host.name) as view:
            job = _found(view, self.id)
            if index is None and job.array:
                for _, piece in logs.array_output(view, job):
                    yield piece
                return
            position = 1 if index is None else job.position(index) if job.array else None
            if position is None:
                raise NotFound(f"job {self.id} has no task {index}. See its tasks with: qstat -i {self.id} --tasks")
            yield from logs.output(view, job, position, attempt)

    def output(self, index: int | None = None, attempt: int | None = None) -> bytes:
        """The same in one piece."""
        return b"".join(self.logs(index, attempt))

    def again(self, only: Iterable[str] | None = None, indices: Iterable[int] | None = None) -> "Job":
        """Run it once more when it is over: a new job of all its tasks, of those in some final states, or of those with these indices."""
        wanted = (self.id, _final(only), None if indices is None else tuple(indices))
        return Job(self.host, self.host._door.again([wanted])[0])

    def cancel(self, index: int | None = None) -> int:
        """Cancel it, or one task of an array; returns how many tasks that touched, 0 when it is over."""
        return _cancelled(self.host._door, {"tasks": [(self.id, index)], "names": [], "queue": None, "all": False})


def _source(
    script: str | os.PathLike[str] | None, text: str | bytes | None, argv: Sequence[str] | None, problems: Problems
) -> tuple[str, bytes | None, str]:
    """(where it comes from, the script, the job's name when nobody gives one)"""
    if sum(given is not None for given in (script, text, argv)) != 1:
        problems.add("script", "give one of: the path of a script, text=, argv=")
        return "script", None, "script"
    if argv is not None:
        words = [os.fspath(word) for word in argv]
        return (
            "argv",
            f"exec {shlex.join(words)}\n".encode("utf-8", "surrogateescape") if words else b"",
            rules.command_name(" ".join(words)),
        )
    if text is not None:
        content = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
        return "text", content, "script" if content[:1] == b"#" else rules.command_name(content[:200].decode("utf-8", "replace"))
    path = os.fspath(script or "")
    return path, requests.read_script(path, problems), ""


def _take_array(array: Array | None, given: dict[str, Any], door: "jobs.Door", problems: Problems) -> None:
    """The tasks of an array: indices into `given`, or parameters into the host's spool."""
    if isinstance(array, int):
        given["indices"] = (1, array, 1)
    elif isinstance(array, range):
        if not array or array.step < 1:
            problems.add("array", f"{array} has no task" if not array else f"{array} does not go upwards")
        else:
            given["indices"] = (array.start, array[-1], array.step)
    elif isinstance(array, str):
        try:
            given["indices"], given["ranges"], limit = rules.read_array(array)
            given["limit"] = limit or given.get("limit", 0)
        except ValueError as exc:
            problems.add("array", *exc.args)
    elif array is not None:
        target = door.spool()
        try:
            given["tasks"] = pack_objects(array, target)
            given["parameters"] = target
        except InvalidRequest as exc:
            problems.extend(exc.problems)


def _line(replacements: Mapping[str, object], problems: Problems) -> str | None:
    import json

    from cyclone_core.scheduler.parameters import wrong_line

    try:
        line = json.dumps(replacements, ensure_ascii=False)
        wrong = wrong_line(line)
    except (TypeError, ValueError) as exc:
        line, wrong = "", f"is not a dict of plain values: {exc}"
    if wrong:
        problems.add("replace", wrong)
        return None
    return line


def _status(text: str | None) -> int | None:
    if text is None:
        return None
    problems = Problems()
    number = queries.read_status(text, problems)
    if problems:
        raise InvalidRequest([Problem("status", each.message, each.hint) for each in problems])
    return number


def _final(names: Iterable[str] | None) -> tuple[int, ...] | None:
    if names is None:
        return None
    return tuple(number for number in map(_status, names) if number is not None)


def _found(view: queries.HostView, job: int) -> JobView:
    found = view.reader.job(job)
    if found is None:
        raise NotFound(f"there is no job {job} on host {view.name}. See the jobs with: qstat")
    return found


def _cancelled(door: "jobs.Door", selector: dict[str, Any]) -> int:
    from cyclone_core.ids import format_task

    if not (selector["tasks"] or selector["names"] or selector["all"]):
        return 0
    answer = door.cancel(selector)
    if answer["unknown"]:
        raise NotFound(f"there is no {', '.join(format_task(*task) for task in answer['unknown'])}. See the jobs with: qstat")
    return int(answer["tasks"])
