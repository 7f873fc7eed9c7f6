"""The resources of an AWS host: the same use cases as `resources.Resources`, on stacks.

What the host has is read from the account each time, so that what others deployed is seen: the records of the main region and the stacks
of all regions, at once. A proposal is a plan of stacks with what happens to the resources in each; it takes seconds, not minutes.
"""

import threading
from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from cyclone_core import naming, paths
from cyclone_core.errors import CycloneError, RegionUnavailable
from cyclone_core.infra import deployed_stacks, stack_checks, stack_facts, stack_planner, targets
from cyclone_core.infra import plan as plans
from cyclone_core.infra.deployed_stacks import Look
from cyclone_core.infra.deployer import Applier
from cyclone_core.infra.events import Event
from cyclone_core.infra.plan import Bodies, Change, Plan
from cyclone_core.operations import appliers, aws_hosts, aws_states, deployments, plan_costs
from cyclone_core.operations.resources import Mode, Proposal, Resources, Snapshot, judge, worded
from cyclone_core.operations.working import Workers
from cyclone_core.problems import Problem
from cyclone_core.resource_bodies import this_machine
from cyclone_core.resource_fields import Label
from cyclone_core.resources import Host
from cyclone_core.scheduler import references

if TYPE_CHECKING:
    from cyclone_core.aws.account import Account
    from cyclone_core.infra.synth import Synthesizer


class AwsResources(Resources):
    """The resources of one AWS host."""

    def __init__(self, host: Host, account: "Account | None" = None, synthesizer: "Synthesizer | None" = None) -> None:
        """account: how it is reached, None for the user's own way (`aws_hosts.account_of`); synthesizer: None for this process's own.

        Raises MissingExtra, and HostUnavailable when the host is on the sandbox and that does not run.
        """
        self.host, self.account, self.place = host, account or aws_hosts.account_of(host), aws_hosts.place_of(host)
        self._synthesizer, self._machine, self._state_dir = synthesizer, this_machine(), paths.host_state_dir(host.name)

    # -- see ----------------------------------------------------------------------------------------------------------
    def look(self) -> Look:
        """What is recorded and deployed now. Raises AwsError."""
        return deployed_stacks.look(self.account, self.place)

    def snapshot(self) -> Snapshot:
        """What is there now. Raises AwsError."""
        return self._snapshot(self.look())

    def _snapshot(self, seen: Look) -> Snapshot:
        return aws_states.snapshot(self.place, seen.known, seen.stacks, seen.silent)

    def events(self, kind: str, name: str) -> list[tuple[float, str]]:
        """(seconds since 1970, text): what this machine's deployments did to a resource, oldest first."""
        found: list[tuple[float, str]] = []
        for deployment in reversed(deployments.list_deployments(self.host)):
            if any((change.kind, change.name) == (kind, name) for change in deployment.plan.changes):
                events, _ = deployments.read_events(self.host, deployment.number)
                found += [(event.at, _told(event)) for event in events if (event.kind, event.name, event.part) == (kind, name, "")]
        return found

    # -- propose ------------------------------------------------------------------------------------------------------
    def propose_put(
        self, kind: str, given: Mapping[str, object], mode: Mode = "create", label: Label = str, revert_drift: bool = False
    ) -> Proposal:
        """What storing a resource would do to stacks, from the fields that a user gave in any spelling."""
        seen = self.look()
        snapshot = self._snapshot(seen)
        judged = judge(self.host, kind, given, mode, snapshot, self._machine, label)
        name = str(given.get("name") or "")
        if judged.problems:
            return judged
        desired = plans.applied(judged.plan, snapshot.bodies) if judged.plan else snapshot.bodies
        if kind == "definition" and (problems := self._image_in_use(name, snapshot.bodies, desired, label)):
            return replace(judged, problems=problems)
        found = self.plan(seen, desired, touched={(kind, name)}, revert_drift=revert_drift)
        return replace(found, problems=tuple(worded(list(found.problems), kind, label)))

    def propose_delete(self, kind: str, name: str) -> Proposal:
        """What deleting a resource would do to stacks."""
        seen = self.look()
        bodies = self._snapshot(seen).bodies
        problems = [
            *references.check_delete(kind, name, bodies, self._open_jobs(kind)),
            *stack_checks.deletion_problems(kind, name, bodies),
        ]
        if problems:
            return Proposal(Plan((Change("delete", kind, name),)), tuple(problems))
        return self.plan(seen, plans.without(bodies, kind, name), touched={(kind, name)})

    def _image_in_use(self, name: str, before: Bodies, desired: Bodies, label: Label) -> tuple[Problem, ...]:
        """Why a definition cannot lose its image: the role and the containers of its workers go with it."""
        was, now = before.get("definition", {}).get(name, {}), desired.get("definition", {}).get(name, {})
        if not targets.has_image(was) or targets.has_image(now):
            return ()
        jobs = self._open_jobs("definition").get(("definition", name), 0)
        told = f"{jobs} job{' of it is' if jobs == 1 else 's of it are'} not finished, and their workers need the image"
        return (Problem(label("image_uri"), told, "Wait for them (qstat) or cancel them (qdel)"),) if jobs else ()

    def _open_jobs(self, kind: str) -> Mapping[tuple[str, str], int]:
        """Jobs that are not over, by queue and definition. Where the table cannot be read, none could be run anyway."""
        if kind not in ("queue", "definition"):
            return {}
        from cyclone_core.operations import aws_open_jobs
        from cyclone_core.operations.aws_host import AwsHost

        try:
            return aws_open_jobs.count(AwsHost(self.host.name))
        except CycloneError:
            return {}

    def propose(self, desired: Bodies, touched: Collection[tuple[str, str]] | None = None, revert_drift: bool = False) -> Proposal:
        """What it takes to have exactly the `desired` bodies (with the kind `host`).

        touched: (kind, name) of resources whose stacks are compared although they may be recorded as desired; None: of all.
        """
        return self.plan(self.look(), desired, touched=touched or (), whole=touched is None, revert_drift=revert_drift)

    def plan(
        self, seen: Look, desired: Bodies, touched: Collection[tuple[str, str]] = (), whole: bool = False, revert_drift: bool = False
    ) -> Proposal:
        """The plan from what was seen to desired bodies, completed with what only the account knows.

        No bodies at all: everything goes. Some, but no host: a problem, since nothing of a host without its control plane would be wanted.
        """
        if seen.silent:  # what is there cannot be told from what is missing
            raise RegionUnavailable("; ".join(seen.silent.values()))
        if any(desired.values()) and not desired.get("host"):
            return Proposal(plans.make(seen.known, desired), (self._no_control_plane(),))
        if not desired.get("host"):  # all of it goes, so nothing stands against a part of it
            facts = stack_facts.Facts({})
        else:
            facts = stack_facts.resolve(self.account, self.place, seen.known, desired, touched, whole)
            changed = plans.make(seen.known, facts.bodies)
            problems = [*facts.problems, *stack_checks.problems(changed, seen.known)]
            if problems:
                return Proposal(changed, tuple(dict.fromkeys(problems)))
        planned = stack_planner.plan(
            self.account, self.place, seen, facts.bodies, self._synthesizer or shared_synthesizer(), touched=touched, whole=whole,
            workers=Workers(self.host.name), revert_drift=revert_drift,
        )  # fmt: skip
        costs = plan_costs.of_plan(self.account, self.place, seen.known, facts.bodies, planned.details)
        details = replace(planned.details, costs=costs, quotas=facts.needs)
        return Proposal(planned.plan, tuple(dict.fromkeys(planned.problems)), details)

    def _no_control_plane(self) -> Problem:
        name = self.host.name
        what = f"its control plane is not deployed: there is no stack {naming.stack(name, 'host')} in {self.place.main_region}"
        return Problem(f"hosts[{name}]", what, f"Make it again first: hyper hosts update-host --name {name}")

    # -- do -----------------------------------------------------------------------------------------------------------
    def applier(self) -> Applier:
        """What makes plans true on this host."""
        return appliers.for_host(self.host)

    def warm_up(self) -> None:
        """Start the child that makes templates."""
        if self._synthesizer is None:
            warm_up()


_MAKING = threading.Lock()


def shared_synthesizer() -> "Synthesizer":
    """This process's own: its child stays warm from one plan to the next, and ends with the process."""
    with _MAKING:
        return _shared()


@cache
def _shared() -> "Synthesizer":
    import atexit

    from cyclone_core.infra.synth import Synthesizer

    made = Synthesizer()
    atexit.register(made.close)
    return made


def close() -> None:
    """End what plans needed, for a process that leaves without the interpreter's tidying up."""
    if _shared.cache_info().currsize:
        _shared().close()


def warm_up() -> None:
    """Start what plans need, without waiting, while somebody still thinks."""
    shared_synthesizer().warm_up()


def _told(event: Event) -> str:
    where = f"{event.region}: " if event.region else ""
    return (
        f"{where}{event.text or event.phase}" if event.phase == "LOG" else f"{where}{event.phase}{f': {event.text}' if event.text else ''}"
    )
