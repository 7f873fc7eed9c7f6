"""Use cases around deployments: start one that outlives its starter, see, follow, cancel, retry and roll back. What `hyper deployments`,
the TUI and the library call.

A deployment is one plan being made true, recorded in the state directory of its host (`infra.deployment_record`), so any process can look
at it, also after its end. Keeping things as a failed deployment left them needs no function: it is what happens when nobody calls one.

Looking needs no model of a resource; what changes something loads them (`resources`) when it is called, so that a screen that shows what
runs starts without them.
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from cyclone_core import paths
from cyclone_core.errors import CycloneError
from cyclone_core.infra import deployment_record, stack_plans
from cyclone_core.infra.deployer import key_of
from cyclone_core.infra.deployment_record import Mode, Record, State
from cyclone_core.infra.events import Event, Phase
from cyclone_core.infra.plan import Bodies, Change, Plan, with_body, without
from cyclone_core.infra.targets import resource_of

if TYPE_CHECKING:
    from cyclone_core.operations.resources import Proposal, Resources

__all__ = ["Change", "Deployment", "Event", "Plan", "State"]
LOOK_EVERY_S = 0.1
"""So often `follow` looks for new events."""
DIED = "its process ended before it was done"
"""Why a deployment is INTERRUPTED, unless its process said something."""


class Named(Protocol):
    """A host, or a view of one: what is known by its name."""

    @property
    def name(self) -> str:
        """The host's."""
        ...


@dataclass(frozen=True)
class Deployment:
    """A deployment as it is at one instant."""

    host: str
    number: int
    state: State
    plan: Plan
    command: str
    """The command line that asks for the same, "" when there is none."""
    by: str
    """Who asked, as `user@machine`."""
    started: float
    """Seconds since 1970, as `ended`."""
    ended: float | None
    """None while it runs, and when its process died."""
    reason: str
    """Why it did not succeed, "" when it did or may still."""
    mode: Mode
    of: int | None
    """The deployment that a retry or roll back belongs to."""
    rolled_back_by: int | None
    cancelled_by: str
    """Who asked it to end, "" for nobody; it may not have ended yet."""
    process: int
    """Id of the process that works on it, or did."""

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen."""
        return self.state not in ("PLANNED", "RUNNING")

    @property
    def can_roll_back(self) -> bool:
        """Whether there may be something to take back."""
        return self.is_over and self.state != "ROLLED_BACK" and bool(self.plan)

    @property
    def can_retry(self) -> bool:
        """Whether it left something undone."""
        return self.state in ("FAILED", "CANCELLED", "INTERRUPTED")

    def took(self, now: float) -> float:
        """Seconds from its start to its end, or to `now`."""
        return max(0.0, (self.ended or now) - self.started)

    @property
    def what(self) -> str:
        """What it does, in a few words."""
        if self.mode != "apply" and self.of is not None:
            return f"{self.mode.replace('-', ' ')} of deployment {self.of}"
        return describe(self.plan)


def describe(plan: Plan) -> str:
    """A plan in a few words: `create cluster big, change queue fast`, `… in 3 regions`, or how many of what."""
    places: dict[tuple[str, str, str], set[str]] = {}
    for change in plan.changes:
        places.setdefault((change.action, change.kind, change.name), set()).add(change.region)
    if len(places) <= 2:
        several = (f" in {len(regions)} regions" if len(regions) > 1 else "" for regions in places.values())
        return ", ".join(f"{' '.join(what)}{where}" for what, where in zip(places, several, strict=True)) or "nothing left to do"
    actions = dict.fromkeys(change.action for change in plan.changes)
    counts = [f"{action} {sum(change.action == action for change in plan.changes)}" for action in actions]
    return f"{', '.join(counts)} {'stacks' if any(change.region for change in plan.changes) else 'resources'}"


# -- see --------------------------------------------------------------------------------------------------------------
def list_deployments(host: Named, before: int | None = None, limit: int = 50) -> list[Deployment]:
    """Deployments of a host, newest first: at most `limit` with numbers below `before` (None: the newest). Unreadable ones are left out."""
    root = _root(host)
    found: list[Deployment] = []
    for number in deployment_record.numbers(root):
        if len(found) == limit:
            break
        if before is None or number < before:
            try:
                found.append(_load(host, Record(root, number)))
            except CycloneError:
                continue
    return found


class History:
    """The deployments of a host for whoever looks again and again: what is over is read once."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[float, Deployment]] = {}

    def look(self, host: Named) -> list[Deployment]:
        """All deployments, newest first; unreadable ones are left out."""
        found = []
        root = _root(host)
        for number in deployment_record.numbers(root):
            try:
                found.append(self._one(host, Record(root, number)))
            except CycloneError:
                continue
        return found

    def _one(self, host: Named, record: Record) -> Deployment:
        changed = _changed(record.path("events.jsonl"))
        known = self._known.get(record.number)
        if known is None or known[0] != changed or not known[1].is_over:
            known = self._known[record.number] = changed, _load(host, record)
        return known[1]


def _changed(path: str) -> float:
    """When a file was written last, 0 for one that is not there."""
    try:
        return os.stat(path).st_mtime
    except OSError:
        return 0.0


def running(host: Named) -> list[Deployment]:
    """Deployments that a process works on now, oldest first. Cheap, however many there were."""
    return [_load(host, record) for record in deployment_record.running(_root(host))]


def get(host: Named, number: int) -> Deployment:
    """One deployment. Raises NotFound, or StateUnusable for a record that cannot be read."""
    return _load(host, _record(host, number))


def read_events(host: Named, number: int, position: int = 0, limit: int = -1) -> tuple[list[Event], int]:
    """What happened from a position on (0: the beginning), and the position to go on from. Never waits.

    limit: read about so many bytes of the record, at least 100,000; -1: all there is.
    """
    return _record(host, number).events(position, limit)


def follow(host: Named, number: int, from_line: int = 0, pause: Callable[[], None] = lambda: time.sleep(LOOK_EVERY_S)) -> Iterator[Event]:
    """Attach to a deployment: its events from one on (0: the first), as they come; ends when it is over. Raises NotFound.

    pause: waits until it is worth to look again; it may raise to leave, which does nothing to the deployment.
    """
    record = _record(host, number)
    record.order()
    position, seen = 0, 0
    while True:
        over = not record.is_held()  # first: what was written before it ended is read below
        events, position = record.events(position)
        for event in events:
            seen += 1
            if seen > from_line:
                yield event
        if over:
            return
        pause()


# -- do ---------------------------------------------------------------------------------------------------------------
def start(host: Named, proposal: "Proposal", command: str = "") -> Deployment:
    """Apply a plan in a process of its own, which goes on whatever becomes of this one.

    command: the command line that asks for the same. Raises InvalidRequest for the plan's problems and while another deployment changes the
    same; HostUnavailable or StateUnusable.
    """
    return _start(host, proposal, command, "apply", None)


def run_here(host: Named, proposal: "Proposal", command: str = "") -> Iterator[Event]:
    """Apply a plan in this process, for what is fast; recorded in the same way. Raises as `Resources.apply` does."""
    return _resources(host).apply(proposal, command)


def cancel(host: Named, number: int) -> Deployment:
    """Ask a deployment to end: after the change that is under way, and an image build at once. What is done stays.

    Returns before it has ended: `follow` it for that. Raises NotFound, or CycloneError when it is over already.
    """
    found = get(host, number)
    if found.is_over:
        raise CycloneError(
            f"deployment {number} cannot be cancelled: it is over ({found.state}). To take it back: {roll_back_line(number)}"
        )
    from cyclone_core.operations import resources

    _record(host, number).ask_to_end(resources.user())
    return get(host, number)


def propose_retry(host: Named, number: int) -> "Proposal":
    """What of a deployment is not true yet, as a new plan with everything that stands against it.

    Raises NotFound, or CycloneError while it runs.
    """
    found, known = _over(host, number), _resources(host)
    desired: Bodies = known.snapshot().bodies
    phases = _phases(host, number)
    for change in found.plan.changes:
        resource = resource_of(change.kind, change.name)
        if resource is None:
            continue
        if change.body is None:
            desired = without(desired, *resource)
        elif not _is_built(change, phases, desired):
            desired = with_body(desired, resource[0], change.body)
    return _as_before(known.propose(desired, _resources_of(found.plan), found.plan.revert_drift), found.plan)


def retry(host: Named, number: int, proposal: "Proposal | None" = None) -> Deployment:
    """Do what a deployment left undone, as a new deployment. Raises as `propose_retry` and `start` do.

    proposal: what `propose_retry` found a moment ago.
    """
    return _start(host, proposal or propose_retry(host, number), "", "retry", number)


def propose_roll_back(host: Named, number: int) -> "Proposal":
    """The way back to what was there before a deployment, as a new plan with everything that stands against it.

    Only what the deployment touched changes; what others did to that since is undone with it. An image whose new build did not succeed is
    put back as it was; one that was built anew is built again from its earlier settings. Raises NotFound, or CycloneError while it runs.
    """
    found, known = _over(host, number), _resources(host)
    desired: Bodies = known.snapshot().bodies
    phases = _phases(host, number)
    for change in found.plan.changes:
        resource = resource_of(change.kind, change.name)
        if resource is None or key_of(change) not in phases:
            continue  # its turn never came
        before = _before(change, phases)
        desired = without(desired, *resource) if change.before is None else with_body(desired, resource[0], before)
    proposal = known.propose(desired, _resources_of(found.plan))
    return replace(proposal, details=proposal.details and stack_plans.without_data(proposal.details))


def roll_back(host: Named, number: int, proposal: "Proposal | None" = None) -> Deployment:
    """Take a deployment back, as a new deployment. Raises as `propose_roll_back` and `start` do.

    proposal: what `propose_roll_back` found a moment ago.
    """
    return _start(host, proposal or propose_roll_back(host, number), "", "roll-back", number)


def retry_line(number: int) -> str:
    """The command line of `retry`."""
    return f"hyper deployments retry {number}"


def roll_back_line(number: int) -> str:
    """The command line of `roll_back`."""
    return f"hyper deployments roll-back {number}"


# -- inside -----------------------------------------------------------------------------------------------------------
def _start(host: Named, proposal: "Proposal", command: str, mode: Mode, of: int | None) -> Deployment:
    lines = {"retry": retry_line, "roll-back": roll_back_line}
    command = lines[mode](of) if mode != "apply" and of is not None else command
    from cyclone_core.operations import deploying

    known = _resources(host)
    holder = known.begin(proposal, command, mode, of)
    deploying.start(known.host, holder)
    return get(host, holder.record.number)


def _resources(host: Named) -> "Resources":
    from cyclone_core.operations import hosts, resources

    return resources.for_host(hosts.get(host.name))


def _root(host: Named) -> str:
    return paths.deployments_dir(paths.host_state_dir(host.name))


def _record(host: Named, number: int) -> Record:
    return Record(_root(host), number)


def _load(host: Named, record: Record) -> Deployment:
    order = record.order()
    state, end = record.state()
    reason = end.reason if end else (record.last_words() or DIED) if state == "INTERRUPTED" else ""
    return Deployment(
        host.name,
        record.number,
        state,
        order.plan,
        order.command,
        order.by,
        order.at,
        end.at if end else None,
        reason,
        order.mode,
        order.of,
        end.by if end else None,
        record.cancelled_by(),
        record.process(),
    )


def _over(host: Named, number: int) -> Deployment:
    found = get(host, number)
    if not found.is_over:
        raise CycloneError(f"deployment {number} still runs. Follow it: hyper deployments show {number} --follow, or cancel it first")
    return found


def _resources_of(plan: Plan) -> list[tuple[str, str]]:
    """(kind, name) of everything that a plan is about."""
    return list(dict.fromkeys(resource for change in plan.changes if (resource := resource_of(change.kind, change.name))))


def _as_before(proposal: "Proposal", plan: Plan) -> "Proposal":
    """With what was asked for when the deployment was begun: to keep what fails, or data."""
    return replace(
        proposal, plan=replace(proposal.plan, keep_failed=plan.keep_failed, keep_data=plan.keep_data, revert_drift=plan.revert_drift)
    )


def _phases(host: Named, number: int) -> dict[tuple[str, str, str], Phase]:
    """How far each resource got; one whose turn never came is not there."""
    found: dict[tuple[str, str, str], Phase] = {}
    for event in _record(host, number).events()[0]:
        if event.phase != "LOG" and not event.part:
            found[key_of(event)] = event.phase
    return found


def _is_built(change: Change, phases: Mapping[tuple[str, str, str], Phase], current: Bodies) -> bool:
    """Whether an image needs no further build: the deployment finished it, and it has not changed since."""
    there = current.get(change.kind, {}).get(change.name)
    if change.kind != "image" or there is None or phases.get(key_of(change)) != "ACTIVE" or there.get("state") != "ACTIVE":
        return False
    return all(there.get(name) == value for name, value in (change.body or {}).items())


def _before(change: Change, phases: Mapping[tuple[str, str, str], Phase]) -> Mapping[str, Any]:
    """What a resource is to be after a roll back."""
    before = dict(change.before or {})
    if change.kind == "image" and phases.get(key_of(change)) in ("ACTIVE", "DELETED"):
        return {name: value for name, value in before.items() if name not in ("state", "reason", "log")}
    return before
