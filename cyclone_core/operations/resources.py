"""Use cases around what a host has: regions, clusters, queues, images, definitions. What `hyper`, the TUI and the library call.

A change goes in three steps that are three functions: `propose_…` (what would happen, and everything that stands against it, as a
value), `apply` (make it happen in this process; yields events and leaves a record, see `deployments`), and `find` to see it. Only local
hosts exist in this version.
"""

import os
import pwd
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from cyclone_core import paths, wire
from cyclone_core.errors import CycloneError, InvalidRequest
from cyclone_core.infra import checks, deployer, local, stack_checks
from cyclone_core.infra import plan as plans
from cyclone_core.infra.containers import ContainerEngine, find_engine
from cyclone_core.infra.deployment_record import Holder, Order
from cyclone_core.infra.deployment_record import Mode as Why
from cyclone_core.infra.events import Event
from cyclone_core.infra.plan import Bodies, Change, Plan
from cyclone_core.infra.stack_plans import Details
from cyclone_core.operations import appliers, hosts
from cyclone_core.operations.appliers import Connect
from cyclone_core.problems import Problem
from cyclone_core.resource_bodies import NETWORK_FIELDS, Machine, aws_body, body, found_before, load, local_problems, settings, this_machine
from cyclone_core.resource_fields import Label, fields_of, fold, read, refusals, spellings
from cyclone_core.resources import LOCAL_REGION, MODELS, Host
from cyclone_core.scheduler import references
from cyclone_core.scheduler.local import client
from cyclone_core.scheduler.sqlite.resource_reader import ResourceReader

if TYPE_CHECKING:
    from cyclone_core.operations.queries import HostView

_FIRST_LOOK_S = 0.5
"""So long the first look at an AWS host is waited for."""
Mode = Literal["create", "update", "any"]
"""create: the name must be free; update: it must be there; any: either."""


@dataclass(frozen=True)
class Place:
    """A resource in one region of an AWS host, as its stack there is."""

    region: str
    state: str
    """CREATING, UPDATING, DELETING, ACTIVE or FAILED."""
    reason: str = ""
    """Why it is FAILED, as AWS says it."""


@dataclass(frozen=True)
class Stored:
    """One resource as the host has it."""

    kind: str
    name: str
    state: str
    """CREATING, UPDATING, DELETING, ACTIVE or FAILED."""
    body: Mapping[str, Any]
    created: float
    """Seconds since 1970, as `updated`."""
    updated: float
    open_jobs: int = 0
    """Jobs that use it and are not finished (queues and definitions)."""
    places: tuple[Place, ...] = ()
    """How it is in each region, the main one first; () on hosts that have one place only."""


@dataclass(frozen=True)
class Snapshot:
    """Everything that a host has, at one instant."""

    resources: tuple[Stored, ...] = ()
    open_jobs: Mapping[tuple[str, str], int] = field(default_factory=dict)

    host: Stored | None = None
    """An AWS host itself, as its stack is; None for local hosts, and before its stack was begun."""

    @property
    def bodies(self) -> dict[str, dict[str, Mapping[str, Any]]]:
        """kind -> name -> body, the form that plans and checks take; of an AWS host with the kind `host`."""
        found: dict[str, dict[str, Mapping[str, Any]]] = {kind: {} for kind in references.KINDS}
        if self.host is not None:
            found["host"] = {self.host.name: self.host.body}
        for stored in self.resources:
            found.setdefault(stored.kind, {})[stored.name] = stored.body
        return found


@dataclass(frozen=True)
class Proposal:
    """A plan, and every problem that stands against it."""

    plan: Plan
    problems: tuple[Problem, ...] = ()
    details: Details | None = None
    """What only AWS hosts have: stacks, rights, bootstrap."""

    def check(self) -> Plan:
        """The plan. Raises InvalidRequest with every problem."""
        if self.problems:
            raise InvalidRequest(self.problems)
        return self.plan


NO_DRIFT = Problem("--revert-drift", "only AWS hosts have resources that others can change", "Leave it out")


class Resources:
    """The resources of one host."""

    def __init__(
        self, host: Host, connect: Connect, machine: Machine | None = None, engine: Callable[[], ContainerEngine] = find_engine
    ) -> None:
        """connect: the way to its supervisor; machine: what defaults are taken from; engine: finds the container engine."""
        self.host, self._connect, self._engine = host, connect, engine
        self._machine = machine or this_machine()
        self._state_dir = paths.host_state_dir(host.name)

    # -- see ----------------------------------------------------------------------------------------------------------
    def snapshot(self) -> Snapshot:
        """What is there now. A host that was never started is started, so that its defaults are there."""
        reader = ResourceReader.open(self._state_dir)
        if reader is None:
            self._channel().close()
            reader = ResourceReader.open(self._state_dir)
        if reader is None:
            return Snapshot()
        with reader:
            return _snapshot(reader, self._machine, self.host.name)

    def find(self, kind: str, name: str | None = None) -> list[Stored]:
        """Resources of one kind by name; with `name` that one. Raises InvalidRequest (nearest name) when it is not there."""
        snapshot = self.snapshot()
        found = [stored for stored in snapshot.resources if stored.kind == kind and name in (None, stored.name)]
        if name is not None and not found:
            raise InvalidRequest([references.unknown(kind, name, snapshot.bodies, "--name")])
        return found

    def events(self, kind: str, name: str) -> list[tuple[float, str]]:
        """(seconds since 1970, text): what happened to a resource, oldest first."""
        reader = ResourceReader.open(self._state_dir)
        if reader is None:
            return []
        with reader:
            return reader.events(kind, name)

    # -- propose ------------------------------------------------------------------------------------------------------
    def propose_put(
        self, kind: str, given: Mapping[str, object], mode: Mode = "create", label: Label = str, revert_drift: bool = False
    ) -> Proposal:
        """What storing a resource would do, from the fields that a user gave in any spelling; the others keep their value or default.

        revert_drift: put back what others changed of it, too (AWS hosts; InvalidRequest on others).
        """
        if revert_drift:
            raise InvalidRequest([NO_DRIFT])
        snapshot = self.snapshot()
        judged = judge(self.host, kind, given, mode, snapshot, self._machine, label)
        found = [*judged.problems, *worded(local.problems(judged.plan, snapshot.bodies, self._engine), kind, label)]
        return Proposal(judged.plan, tuple(dict.fromkeys(found)))

    def propose_delete(self, kind: str, name: str) -> Proposal:
        """What deleting a resource would do."""
        snapshot = self.snapshot()
        plan = plans.make(snapshot.bodies, plans.without(snapshot.bodies, kind, name))
        if not plan:
            plan = Plan((Change("delete", kind, name),))
        return Proposal(plan, tuple(checks.problems(plan, snapshot.bodies, snapshot.open_jobs)))

    def propose(self, desired: Bodies, touched: Collection[tuple[str, str]] | None = None, revert_drift: bool = False) -> Proposal:
        """What it takes to have exactly the `desired` bodies: for whole configurations.

        touched: (kind, name) of what is looked at although it may be recorded as desired, None for all; a local host's record is the truth.
        """
        snapshot = self.snapshot()
        plan = plans.make(snapshot.bodies, desired, _is_made_anew)
        return Proposal(plan, tuple(self._against(plan, snapshot)))

    # -- do -----------------------------------------------------------------------------------------------------------
    def apply(self, proposal: Proposal, command: str = "") -> Iterator[Event]:
        """Make a plan true in this process; ends after a FAILED event. An empty plan leaves no record.

        command: the command line that asks for the same. Raises InvalidRequest for its problems, for what the supervisor refuses and
        while another deployment changes the same; HostUnavailable or StateUnusable.
        """
        if proposal.check():
            applier = self.applier()
            yield from deployer.run(self.begin(proposal, command), applier)

    def begin(self, proposal: Proposal, command: str = "", why: Why = "apply", of: int | None = None) -> Holder:
        """Record that a plan is going to be applied; whoever has the holder does it. Raises as `apply` does before its first event."""
        order = Order(proposal.check(), command, user(), time.time(), why, of)
        return deployer.begin(paths.deployments_dir(self._state_dir), order)

    def applier(self) -> deployer.Applier:
        """What makes plans true on this host."""
        return appliers.for_host(self.host, self._connect, self._engine)

    def warm_up(self) -> None:
        """Start what proposals need, without waiting, while somebody still thinks: nothing on a local host."""

    # -- inside -------------------------------------------------------------------------------------------------------
    def _against(self, plan: Plan, snapshot: Snapshot) -> list[Problem]:
        found = checks.problems(plan, snapshot.bodies, snapshot.open_jobs)
        return [*found, *local.problems(plan, snapshot.bodies, self._engine)]

    def _channel(self) -> wire.Channel:
        return self._connect(self._state_dir)


def for_host(host: Host) -> Resources:
    """The resources of a host as it is installed. Raises MissingExtra for an AWS host where the optional part is not installed."""
    if host.type == "aws":
        from cyclone_core.operations import aws_resources  # local hosts need none of its libraries

        return aws_resources.AwsResources(host)
    return Resources(host, client.ensure)


def for_selected(name: str | None = None) -> Resources:
    """The resources of the named host, or of the selected one."""
    return for_host(hosts.get(name))


def look(host: "HostView", most_jobs: int | None = None) -> Snapshot:
    """What a host has, read through an open view of it: unlike `Resources.snapshot` it never starts anything.

    Of an AWS host what was read last, in the background: `aws_looks`. Raises NotYet, or why nothing could be read.

    most_jobs: open jobs are counted up to so many, for whoever looks every other second.
    """
    if host.type == "aws":
        from cyclone_core.operations import aws_looks

        return aws_looks.SHARED.look(host.name, _FIRST_LOOK_S).need()
    if host.reader.connection is None:
        return Snapshot()
    return _snapshot(ResourceReader(host.reader.connection), this_machine(), host.name, most_jobs)


def _snapshot(reader: ResourceReader, machine: Machine, host: str, most_jobs: int | None = None) -> Snapshot:
    open_jobs = reader.open_jobs(most_jobs)
    return Snapshot(tuple(_stored(row, open_jobs, machine, host) for row in reader.resources()), open_jobs)


def _stored(row: tuple[str, str, str, str, float, float], open_jobs: Mapping[tuple[str, str], int], machine: Machine, host: str) -> Stored:
    kind, name, text, state, created, updated = row
    whole = dict(_complete(kind, name, text, machine, host))
    return Stored(kind, name, whole.get("state") or state, whole, created, updated, open_jobs.get((kind, name), 0))


@lru_cache(4096)  # a screen looks every other second, and reading a model takes a third of a millisecond
def _complete(kind: str, name: str, text: str, machine: Machine, host: str) -> Mapping[str, Any]:
    """A body with every field: the supervisor's own defaults name only what they must, and older versions knew fewer."""
    found = {"name": name, **load(text)}
    try:
        return {**body(read(MODELS[kind], settings(kind, found)), machine, host), **found}
    except (InvalidRequest, KeyError):
        return found


def judge(
    host: Host, kind: str, given: Mapping[str, object], mode: Mode, snapshot: Snapshot, machine: Machine, label: Label = str
) -> Proposal:
    """What storing a resource would do, next to what a snapshot holds. Pure: this machine's engine and directories are not looked at.

    machine: where defaults of local hosts are taken from; label: what problems call a field. `propose_put` adds what needs looking.
    """
    model, bodies = MODELS[kind], snapshot.bodies
    names = spellings(model)
    given = {names.get(fold(key), key): value for key, value in given.items() if value is not None}
    problems = refusals(model, given, host.type, label)
    if kind == "region" and host.type == "local" and given.get("name", LOCAL_REGION) != LOCAL_REGION:
        problems.insert(0, one_region(label("name")))
    before = bodies[kind].get(str(given.get("name")))
    refused = {problem.path for problem in problems}
    kept = {name: value for name, value in given.items() if label(name) not in refused or name == "name"}
    if mode == "update" and before is None:
        problems += [references.unknown(kind, str(given.get("name", "")), bodies, label("name"))]
    try:
        resource = read(model, _merged(kind, before if mode != "create" else None, kept), label)
    except InvalidRequest as exc:
        wrong = {name for name in kept if any(_is_about(problem, label(name)) for problem in exc.problems)}
        rest = {name: value for name, value in kept.items() if name not in wrong}
        others: tuple[Problem, ...] = ()
        if "name" in rest and len(rest) < len(kept):  # what can be read is judged with defaults in place of what cannot
            others = judge(host, kind, rest, mode, snapshot, machine, label).problems
        found = [*problems, *exc.problems, *worded(_dangling(kind, kept, bodies), kind, label)]
        found += [problem for problem in others if not any(_is_about(problem, label(name)) for name in wrong)]
        return Proposal(Plan(), tuple(dict.fromkeys(found)))
    if host.type == "aws":
        after = aws_body(resource, host, bodies)
        said = "main_region_image_name" in given  # also the same one: the image behind the name may be another one by now
        plan = _plan_put(kind, {**after, **({} if said else found_before(kind, after, before))}, bodies, mode)
        problems += _two_networks(kind, kept, label)
        problems += worded(stack_checks.problems(plan, bodies), kind, _as_typed(kind, given, label))
    else:
        problems += local_problems(resource, label)
        plan = _plan_put(kind, {**_foreign(kind, host, before), **body(resource, machine, host.name)}, bodies, mode)
        problems += worded(checks.problems(plan, bodies, snapshot.open_jobs), kind, label)
    return Proposal(plan, tuple(dict.fromkeys(problems)))


def _is_about(problem: Problem, field: str) -> bool:
    """Whether a problem is one of a field, or of a part of it: `--ulimits[0].soft_limit` is, `--vpc-id` is none of `--vpc`."""
    return problem.path == field or problem.path.startswith((f"{field}[", f"{field}."))


def _two_networks(kind: str, given: Mapping[str, object], label: Label) -> list[Problem]:
    """One of two networks would be taken without a word; as in configuration files, import_vpc says which of cidr and vpc_id counts."""
    named = [name for name in ("vpc", "cidr", "vpc_id") if given.get(name)]
    if kind != "region" or len({str(given[name]) for name in named}) < 2 or ("import_vpc" in given and "vpc" not in named):
        return []
    return [
        Problem(
            label(named[-1]), f"{' and '.join(str(given[name]) for name in named)} are two networks", "A region has one: give only that"
        )
    ]


def _as_typed(kind: str, given: Mapping[str, object], label: Label) -> Label:
    """What problems call the fields of a network that was given as `vpc`."""
    if kind != "region" or not given.get("vpc"):
        return label
    return lambda name: label("vpc" if name in NETWORK_FIELDS else name)


def _foreign(kind: str, host: Host, before: Mapping[str, Any] | None) -> dict[str, Any]:
    """What is stored in fields that such a host does not have: nobody can set it, so nobody takes it away."""
    strange = {spec.name for spec in fields_of(MODELS[kind]) if not spec.applies_to(host.type)}
    return {name: value for name, value in (before or {}).items() if name in strange}


def _plan_put(kind: str, after: Mapping[str, Any], bodies: Bodies, mode: Mode) -> Plan:
    name = str(after["name"])
    before = bodies[kind].get(name)
    if kind == "image" and before is not None:  # always made again: what is in its directory may have changed
        return Plan((Change("replace", kind, name, plans.differences(before, after), after, before),))
    if mode == "create" and before is not None:  # refused below; an equal one must not look as if nothing were to do
        return Plan((Change("create", kind, name, (), after),))
    return plans.make(bodies, plans.with_body(bodies, kind, after))


def _is_made_anew(kind: str, field: str) -> bool:
    """Images are built again, whatever of them changes."""
    return kind == "image"


def user() -> str:
    """Who we are, as `user@machine`."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        name = str(os.getuid())
    return f"{name}@{os.uname().nodename}"


def one_region(path: str) -> Problem:
    """Why a local host refuses further regions."""
    return Problem(
        path, "a local host has one region, local: this machine", "Regions belong to AWS hosts (hyper hosts create-host --type aws)"
    )


def _dangling(kind: str, given: Mapping[str, object], bodies: Bodies) -> list[Problem]:
    """References to nothing in a resource whose other fields are wrong already: they are told in the same breath."""
    fields = {name: given[name] for user, name, _ in references.REFERENCES if user == kind and given.get(name)}
    return references.check_put(kind, {"name": "x", **fields}, bodies)


def worded(problems: list[Problem], kind: str, label: Label) -> list[Problem]:
    """Problems of one resource with the names that the user knows its fields by, instead of paths into all resources."""
    found = []
    for problem in problems:
        place, _, name = problem.path.rpartition(".")
        is_field = name in MODELS[kind].model_fields and (place == kind or place.startswith(references.PLURALS[kind] + "["))
        found.append(Problem(label(name) if is_field else problem.path, problem.message, problem.hint))
    return found


def _merged(kind: str, before: Mapping[str, Any] | None, given: Mapping[str, object]) -> dict[str, object]:
    """The settings of an update: what was stored, with what is given on top."""
    kept = settings(kind, before) if before is not None else {}
    if kind == "region" and any(given.get(name) is not None for name in NETWORK_FIELDS):  # another network sets the old one aside
        kept = {name: value for name, value in kept.items() if name not in NETWORK_FIELDS}
    if kind == "region" and given.get("subnet_config") is not None:  # other subnets use other gateways
        kept.pop("nat_gateways", None)
    merged = {**kept, **given}
    if kind == "queue" and given.get("region_distribution_weights") and "automate_region_weights" not in given:
        merged.pop("automate_region_weights", None)  # who gives weights wants these
    if kind == "image":  # one source replaces the other
        for one, other in (("directory", "reference"), ("reference", "directory")):
            if given.get(one) and not given.get(other):
                merged.pop(other, None)
    if kind == "image" and not merged.get("directory") and not merged.get("reference"):
        merged["directory"] = default_build_directory()
    if kind == "definition" and before is not None:
        if given.get("cyclone_image_name") and "image_uri" not in given:
            merged["image_uri"] = None
            merged["use_cyclone_image"] = given.get("use_cyclone_image", True)
        if given.get("image_uri") and "cyclone_image_name" not in given:
            merged["cyclone_image_name"] = None
            merged["use_cyclone_image"] = given.get("use_cyclone_image", True)
    return merged


def default_build_directory() -> str:
    """The example image to build from: in the current directory under either of its names, else that of the installation."""
    for name in ("example-worker-image", "example-image-build"):
        if os.path.isdir(name):
            return name
    beside = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "example-worker-image")
    return beside if os.path.isdir(beside) else "example-worker-image"


__all__ = ["CycloneError", "Place", "Proposal", "Resources", "Snapshot", "Stored", "for_host", "for_selected"]
