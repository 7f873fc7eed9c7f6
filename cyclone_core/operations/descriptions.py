"""Use cases of looking at what a host has: lists with their numbers now, and everything about one resource.

Reads only, through an open view of a host, and nothing is started by looking. Everything is a frozen value, and two equal ones look the
same, so whoever shows them touches the screen only when they differ.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from cyclone_core.errors import CycloneError, InvalidRequest
from cyclone_core.operations import deployments, hosts, monitoring, resources
from cyclone_core.operations.monitoring import Pool, QueueNow
from cyclone_core.operations.queries import HostView
from cyclone_core.operations.resources import Snapshot, Stored
from cyclone_core.operations.workers import WorkerView, workers
from cyclone_core.resource_bodies import Machine, body, settings, this_machine
from cyclone_core.resource_fields import FieldSpec, HostType, fields_of, plain, read, show
from cyclone_core.resources import MODELS, Host
from cyclone_core.scheduler import references
from cyclone_core.scheduler.sqlite.resource_reader import ResourceReader

if TYPE_CHECKING:
    from cyclone_core.operations.aws_crews import ComingNow

MOST_JOBS = 10_000
"""Open jobs are counted up to this."""
LAST_EVENTS = 12
LAST_DEPLOYMENTS = 5
_SEARCHED_DEPLOYMENTS = 40
Key = tuple[str, str]
"""(kind, name)"""
Origin = Literal["set", "default", "found", "derived"]
"""Where a value comes from: somebody gave it, the model's default, a default that was found out (all cores …), or other fields."""


@dataclass(frozen=True)
class Listed:
    """A resource in a list."""

    stored: Stored
    queue: QueueNow | None = None
    """Its tasks, for a queue."""
    pools: tuple[Pool, ...] = ()
    """Its workers: of a cluster in each region, of a region in each cluster."""
    users: int = 0
    """Resources that refer to it."""

    @property
    def name(self) -> str:
        """Its name, which is unique among those of its kind."""
        return self.stored.name


@dataclass(frozen=True)
class FieldNow:
    """One field of a resource with its value."""

    name: str
    value: Any
    """As JSON has it."""
    origin: Origin
    default: str = ""
    """What it is when nobody gives it, in words."""
    help: str = ""
    flag: str = ""
    """How `hyper` takes it, "" for what cannot be given."""


@dataclass(frozen=True)
class Touch:
    """A deployment that changed a resource, or tried to."""

    number: int
    state: str
    what: str
    started: float
    """Seconds since 1970."""
    by: str


@dataclass(frozen=True)
class Description:
    """Everything about one resource."""

    stored: Stored
    fields: tuple[FieldNow, ...]
    refers_to: tuple[tuple[Key, str], ...] = ()
    """What it needs, with its state ("" = it is not there)."""
    used_by: tuple[tuple[Key, str], ...] = ()
    """What needs it, with its state."""
    counts: tuple[int, ...] = ()
    """Tasks by state in the order of `jobs.STATES`, of a queue or host."""
    pools: tuple[Pool, ...] = ()
    chain: tuple[tuple[str, int], ...] = ()
    """Steps of a cluster's fallback chain after the first, with the seconds without workers after which each is taken."""
    coming: "tuple[ComingNow, ...]" = ()
    """How workers come: of a cluster in each region, of a region to each cluster; where something is known."""
    workers: tuple[WorkerView, ...] = ()
    events: tuple[tuple[float, str], ...] = ()
    """(seconds since 1970, text), newest first."""
    deployments: tuple[Touch, ...] = ()
    """The last ones that touched it, newest first."""

    @property
    def key(self) -> Key:
        """(kind, name)"""
        return self.stored.kind, self.stored.name

    @property
    def reason(self) -> str:
        """Why it is FAILED, "" otherwise."""
        return why_failed(self.stored)

    @property
    def log(self) -> tuple[str, ...]:
        """The end of its last build, for an image."""
        return tuple(map(str, self.stored.body.get("log") or ()))


def why_failed(stored: Stored) -> str:
    """Why a resource is FAILED, on an AWS host with the region; "" where that is not known, or it is not."""
    told = [f"{place.region}: {place.reason}" for place in stored.places if place.reason]
    return "; ".join(told) or str(stored.body.get("reason") or "")


def listing(host: HostView, kind: str, region: str | None = None) -> tuple[Listed, ...]:
    """The resources of one kind by name, with their numbers now; region: only what is, or may compute, there."""
    snapshot = _look(host)
    numbers = _numbers(host, kind, snapshot)
    found = [_listed(stored, numbers) for stored in snapshot.resources if stored.kind == kind]
    return tuple(one for one in found if region is None or _is_in(one, region))


def describe(host: HostView, kind: str, name: str) -> Description:
    """Everything about one resource. Raises InvalidRequest (with the nearest name) when it is not there."""
    snapshot = _look(host)
    stored = next((one for one in snapshot.resources if (one.kind, one.name) == (kind, name)), None)
    if stored is None:
        if kind not in references.KINDS:
            raise InvalidRequest([references.check_put(kind, {}, {})[0]])
        raise InvalidRequest([references.unknown(kind, name, snapshot.bodies, "")])
    owner = _host(host.name)
    line = _listed(stored, _numbers(host, kind, snapshot))
    return Description(
        stored=stored,
        fields=fields_now(stored, owner.type, this_machine(), host.name),
        refers_to=tuple(_refers_to(stored, snapshot)),
        used_by=tuple(_used_by(stored, snapshot)),
        counts=line.queue.counts if line.queue else (),
        pools=line.pools,
        chain=_chain(stored, owner),
        coming=_coming(host, kind, name),
        workers=_workers(host, kind, name),
        events=events(host, kind, name),
        deployments=touches(owner, (kind, name)),
    )


def _look(host: HostView) -> Snapshot:
    snapshot = resources.look(host, MOST_JOBS)
    if host.type != "aws":
        return snapshot
    from cyclone_core.operations import aws_overview

    return aws_overview.with_jobs(host, snapshot)


def _chain(stored: Stored, owner: Host) -> tuple[tuple[str, int], ...]:
    if owner.type != "aws" or stored.kind != "cluster":
        return ()
    from cyclone_core.scheduler import failover

    return tuple((rung.name, rung.wait_s) for rung in failover.rungs(stored.body)[1:])


def _coming(host: HostView, kind: str, name: str) -> "tuple[ComingNow, ...]":
    """As far as it is known here; `aws_overview.pools` asks for it."""
    if host.type != "aws" or kind not in ("cluster", "region"):
        return ()
    from cyclone_core.operations import aws_crews

    return tuple(one for one in aws_crews.SHARED.peek(host.name).value.coming if name == getattr(one, kind))


def _workers(host: HostView, kind: str, name: str) -> tuple[WorkerView, ...]:
    if kind not in ("cluster", "region") or (host.type == "aws" and host.reader.connection is None):
        return ()
    return tuple(one for one in workers(host) if name in (one.cluster, one.region))


def events(host: HostView, kind: str, name: str, limit: int = LAST_EVENTS) -> tuple[tuple[float, str], ...]:
    """(seconds since 1970, text) of what happened to a resource last, newest first."""
    if host.reader.connection is None:
        return ()
    return tuple(reversed(ResourceReader(host.reader.connection).events(kind, name, limit)))


def touches(host: Host, key: Key | None = None, limit: int = LAST_DEPLOYMENTS) -> tuple[Touch, ...]:
    """The last deployments, newest first; key: those that changed this resource, and old ones are not searched for it."""
    recent = deployments.list_deployments(host, limit=_SEARCHED_DEPLOYMENTS if key else limit)
    found = [one for one in recent if key is None or any((change.kind, change.name) == key for change in one.plan.changes)]
    return tuple(Touch(one.number, one.state, one.what, one.started, one.by) for one in found[:limit])


def fields_now(stored: Stored, host_type: HostType, machine: Machine, host: str) -> tuple[FieldNow, ...]:
    """Every field that this type of host has, in the order of the model, then what follows from them. Pure."""
    defaults = _defaults(stored.kind, stored.name, machine, host) if host_type == "local" else _aws_defaults(stored.kind, stored.body)
    given = settings(stored.kind, stored.body)
    found = [
        _field_now(spec, given.get(spec.name), defaults.get(spec.name), host_type)
        for spec in fields_of(MODELS[stored.kind])
        if spec.applies_to(host_type)
    ]
    stores = stored.body
    derived = [FieldNow(name, stores[key], "derived", help=text) for key, name, text in _DERIVED.get(stored.kind, ()) if stores.get(key)]
    return (*found, *derived)


_DERIVED: dict[str, tuple[tuple[str, str, str], ...]] = {
    "region": (("cores", "cores", "Cores of this machine that Cyclone may use"), ("memory_mib", "memory_mib", "Memory of this machine")),
    "image": (("reference", "known_as", "What the container engine calls it"),),
    "definition": (("image", "runs_in", "What its tasks run in, as the container engine calls it"),),
}
"""Kind -> (field of a body that is no field of the model, what to call it, help)."""


def _field_now(spec: FieldSpec, value: Any, default: Any, host_type: HostType) -> FieldNow:
    words = spec.default_text(host_type)
    is_found_out = spec.default is None and value is not None and show(value) != words
    is_default = spec.name != "name" and value == default
    origin: Origin = "set" if not is_default else "found" if is_found_out else "default"
    return FieldNow(spec.name, value, origin, words, spec.help, spec.flag if spec.option.cli else "")


def _defaults(kind: str, name: str, machine: Machine, host: str) -> Mapping[str, Any]:
    try:
        resource = read(MODELS[kind], {"name": name})
    except InvalidRequest:  # a model whose other fields are needed too
        return {}
    return {name: plain(value) for name, value in settings(kind, body(resource, machine, host)).items()}


def _aws_defaults(kind: str, stored: Mapping[str, Any]) -> Mapping[str, Any]:
    """A field whose default was found out is as it is: nobody can tell whether somebody asked for the same."""
    return {
        spec.name: stored.get(spec.name) if spec.default is None and spec.default_text("aws") else plain(spec.default)
        for spec in fields_of(MODELS[kind])
    }


@dataclass(frozen=True)
class _Numbers:
    """What a look at the whole host tells about its resources."""

    queues: Mapping[str, QueueNow]
    pools: tuple[Pool, ...]
    users: Mapping[Key, int]


def _numbers(host: HostView, kind: str, snapshot: Snapshot) -> _Numbers:
    users = Counter(
        (used, str(one.body.get(field))) for user, field, used in references.REFERENCES for one in snapshot.resources if one.kind == user
    )
    if kind not in ("region", "cluster", "queue") or (host.type == "aws" and host.reader.connection is None):
        return _Numbers({}, (), users)
    if host.type == "aws":
        from cyclone_core.operations import aws_overview

        return _Numbers({queue.name: queue for queue in aws_overview.queues(host, snapshot)}, aws_overview.pools(host), users)
    now = monitoring.overview(host)
    return _Numbers({queue.name: queue for queue in now.queues}, now.pools, users)


def _listed(stored: Stored, numbers: _Numbers) -> Listed:
    queue = numbers.queues.get(stored.name) if stored.kind == "queue" else None
    pools = tuple(one for one in numbers.pools if stored.name == {"cluster": one.cluster, "region": one.region}.get(stored.kind))
    return Listed(stored, queue, pools, numbers.users.get((stored.kind, stored.name), 0))


def _is_in(one: Listed, region: str) -> bool:
    """Whether a resource is in a region or may be used there; images and definitions are everywhere."""
    if one.stored.kind == "region":
        return one.name == region
    if one.stored.places and one.stored.kind != "queue":
        return any(place.region == region for place in one.stored.places)
    if one.stored.kind == "cluster":
        return not one.pools or any(pool.region == region for pool in one.pools)
    weights = one.stored.body.get("region_distribution_weights") or {}
    return bool(weights.get(region, not weights))


def _refers_to(stored: Stored, snapshot: Snapshot) -> Iterable[tuple[Key, str]]:
    states = {(one.kind, one.name): one.state for one in snapshot.resources}
    for kind, field, used in references.REFERENCES:
        target = stored.body.get(field)
        if kind == stored.kind and target:
            yield (used, str(target)), states.get((used, str(target)), "")


def _used_by(stored: Stored, snapshot: Snapshot) -> Iterable[tuple[Key, str]]:
    for kind, field, used in references.REFERENCES:
        if used == stored.kind:
            for one in snapshot.resources:
                if one.kind == kind and one.body.get(field) == stored.name:
                    yield (kind, one.name), one.state


def _host(name: str) -> Host:
    try:
        return hosts.get(name)
    except CycloneError:  # its file was broken or removed since it was opened: what it has is still there
        return Host(name=name)
