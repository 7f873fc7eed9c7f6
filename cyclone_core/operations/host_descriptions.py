"""Use cases of looking at hosts side by side: how each is, what it stores, what would be lost with it.

No host is opened for longer than a look, none is started by looking, and one that does not answer keeps nobody waiting for the others.
"""

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace

from cyclone_core import paths
from cyclone_core.errors import CycloneError, StateUnusable
from cyclone_core.host_registry import HostRegistry
from cyclone_core.jobs import STATES
from cyclone_core.operations import aws_crews, aws_looks, aws_mirror, hosts, local_hosts
from cyclone_core.operations.descriptions import Description, FieldNow, events, touches, why_failed
from cyclone_core.operations.queries import open_host
from cyclone_core.operations.resources import Place, Stored
from cyclone_core.problems import Problem
from cyclone_core.resource_fields import fields_of, plain
from cyclone_core.resources import LOCAL_REGION, Host
from cyclone_core.scheduler.sqlite.reader import Reader, Translated
from cyclone_core.scheduler.sqlite.resource_reader import ResourceReader

ANSWER_TIMEOUT_S = 1.0
"""So long a look waits for a supervisor's word."""
_FIRST_LOOK_S = 0.5
"""So long the first look at an AWS host is waited for."""
_AT_ONCE = 8


@dataclass(frozen=True)
class HostLine:
    """A host in a list."""

    host: Host
    selected: bool
    """Commands use it when they name none."""
    health: str
    """running, stopped, new, not answering, full disk, damaged (its database cannot be read); of an AWS host see `monitoring.Health`."""
    region: str
    """Its main region, "" while that is not known."""
    state_dir: str = ""
    """"" for what is not on this machine."""
    version: str = ""
    """Of its control plane, "" unless it runs; as `pid` and `started`."""
    pid: int = 0
    started: float | None = None
    """Seconds since 1970."""
    workers: int = 0
    counts: tuple[int, ...] = (0,) * len(STATES)
    """Tasks by state, in the order of `jobs.STATES`."""
    stored_bytes: int = 0
    """Database and journals."""
    free_bytes: int | None = None
    """Room on the disk that it stores on."""
    problem: str = ""
    """What is wrong with it, in words."""

    @property
    def name(self) -> str:
        """Its name."""
        return self.host.name


@dataclass(frozen=True)
class HostList:
    """Every host, by name."""

    lines: tuple[HostLine, ...]
    problems: tuple[Problem, ...] = ()
    """One for each file that cannot be used."""
    pinned: str = ""
    """What $CYCLONE_HOST says, which counts more than what was selected."""


@dataclass(frozen=True)
class Loss:
    """What goes with a host."""

    jobs: int
    open_jobs: int
    resources: dict[str, int] = field(default_factory=dict)
    """Kind -> how many, the defaults of a new host included."""
    state_dir: str = ""
    stored_bytes: int = 0
    problem: str = ""
    """Why nobody can say what is in it."""


def host_list(registry: HostRegistry | None = None) -> HostList:
    """All hosts with their health and numbers."""
    found, problems = (registry or HostRegistry()).list()
    selected = paths.selected_host()
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        lines = tuple(pool.map(lambda host: host_line(host, selected), found))
    return HostList(lines, tuple(problems), os.environ.get("CYCLONE_HOST", ""))


def host_line(host: Host, selected: str) -> HostLine:
    """One host now. selected: name of the selected one."""
    if host.type != "local":
        return _aws_line(host, selected)
    state_dir = paths.host_state_dir(host.name)
    counts, problem = _counts(host.name)
    details = local_hosts.ask_status(state_dir, ANSWER_TIMEOUT_S) if os.path.isdir(state_dir) else {}
    health = _health(state_dir, details)
    details = details or {}
    return HostLine(
        host, host.name == selected, "damaged" if problem and health != "running" else health, LOCAL_REGION, state_dir,
        str(details.get("version", "")), int(details.get("pid", 0)), details.get("started"), len(details.get("workers", ())), counts,
        stored_bytes(state_dir), _free(state_dir), problem,
    )  # fmt: skip


def _aws_line(host: Host, selected: str) -> HostLine:
    """An AWS host, as it was read last."""
    look, mirror = aws_looks.SHARED.look(host.name), aws_mirror.SHARED.of(host.name)
    seen = mirror.look()
    health = "not answering" if seen.error and look.health() != "not deployed" else look.health()
    workers = aws_crews.SHARED.peek(host.name).value.workers
    return HostLine(
        host, host.name == selected, health, host.region or "", counts=_mirrored_counts(mirror.directory), workers=workers,
        problem=str(look.error or seen.error),
    )  # fmt: skip


def _mirrored_counts(directory: str) -> tuple[int, ...]:
    """Tasks by state, none where nothing was read yet."""
    try:
        with Translated(directory), Reader.open(directory) as reader:
            return tuple(sum(column) for column in zip(*(counts for _, counts in reader.counts()), strict=True)) or (0,) * len(STATES)
    except StateUnusable:
        return (0,) * len(STATES)


def describe_host(name: str) -> Description:
    """Everything about a host, in the form of any other resource. Raises NotFound or StateUnusable."""
    host = host_line(hosts.get(name), paths.selected_host())
    now = {name: getattr(host, name) for name in ("state_dir", "version", "pid", "started", "workers", "stored_bytes", "free_bytes")}
    stored = Stored("host", host.name, host.health, {**plain(host.host), **now, "reason": host.problem}, 0.0, 0.0)
    if host.host.type == "aws":
        return _describe_aws(host.host, stored)
    happened: tuple[tuple[float, str], ...] = ()
    with suppress(CycloneError), open_host(host.name, jobs=False) as view, view.reading():
        happened = events(view, "host", host.name)
    return Description(stored, _fields(host.host), counts=host.counts, events=happened, deployments=touches(host.host))


def _describe_aws(host: Host, stored: Stored) -> Description:
    """An AWS host with its regions, as they were read last."""
    look = aws_looks.SHARED.look(host.name, _FIRST_LOOK_S)
    found = look.snapshot.resources if look.snapshot is not None else ()
    own = look.snapshot.host if look.snapshot is not None else None
    if own is not None:
        body = {**stored.body, "reason": stored.body["reason"] or why_failed(own)}
        stored = replace(stored, created=own.created, updated=own.updated, body=body)
    regions = tuple(Place(one.name, one.state, why_failed(one)) for one in found if one.kind == "region")
    main = host.region or ""
    ordered = tuple(sorted(regions, key=lambda place: (place.region != main, place.region)))
    counts = _mirrored_counts(aws_mirror.directory_of(host.name))
    return Description(replace(stored, places=ordered), _fields(host), counts=counts, deployments=touches(host))


def loss(host: Host) -> Loss:
    """What would go with a host."""
    state_dir = paths.host_state_dir(host.name)
    try:
        with Translated(state_dir):
            return _loss(host, state_dir)
    except StateUnusable as exc:
        return Loss(0, 0, {}, state_dir, stored_bytes(state_dir), str(exc))


def before_delete(host: Host) -> tuple[list[Problem], Loss]:
    """What stands against deleting a host, and what would go with it: nothing stands against deleting one that cannot be read."""
    found = loss(host)
    return ([] if found.problem else hosts.check_delete(host)), found


def _loss(host: Host, state_dir: str) -> Loss:
    reader = ResourceReader.open(state_dir) if host.type == "local" else None
    if reader is None:
        return Loss(0, 0, {}, state_dir if os.path.isdir(state_dir) else "", stored_bytes(state_dir))
    with reader:
        kinds: dict[str, int] = {}
        for kind, *_ in reader.resources():
            kinds[kind] = kinds.get(kind, 0) + 1
        open_jobs = sum(count for (kind, _), count in reader.open_jobs().items() if kind == "queue")
        return Loss(reader.jobs(), open_jobs, kinds, state_dir, stored_bytes(state_dir))


def stored_bytes(state_dir: str) -> int:
    """Bytes of a local host's database and journals; its outputs of many files are not looked through."""
    return sum(_sizes(state_dir)) + sum(_sizes(os.path.join(state_dir, "journals")))


def _sizes(folder: str) -> Iterable[int]:
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(OSError):
                if entry.is_file(follow_symlinks=False):
                    yield entry.stat(follow_symlinks=False).st_size


def _counts(name: str) -> tuple[tuple[int, ...], str]:
    """Tasks by state, and what keeps us from reading them."""
    none = (0,) * len(STATES)
    try:
        with open_host(name) as view, view.reading():
            return tuple(sum(column) for column in zip(*(counts for _, counts in view.summary()), strict=True)) or none, ""
    except StateUnusable as exc:
        return none, str(exc)


def _health(state_dir: str, details: dict[str, object] | None) -> str:
    if details is None:
        return "not answering"
    if details:
        return "full disk" if details.get("storage") == "full" else "running"
    return "stopped" if os.path.exists(os.path.join(state_dir, "state.db")) else "new"


def _free(state_dir: str) -> int | None:
    with suppress(OSError):
        info = os.statvfs(state_dir)
        return info.f_bavail * info.f_frsize
    return None


def _fields(host: Host) -> tuple[FieldNow, ...]:
    given = plain(host)
    return tuple(
        FieldNow(
            spec.name,
            given[spec.name],
            "set" if spec.name == "name" or given[spec.name] != plain(spec.default) else "default",
            spec.default_text(host.type),
            spec.help,
            spec.flag if spec.option.cli else "",
        )
        for spec in fields_of(Host)
        if spec.applies_to(host.type)
    )
