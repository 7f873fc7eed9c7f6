"""How the resources of an AWS host are, from what is recorded and from its stacks: pure, nothing is asked.

No state is stored anywhere: a resource is as the worst of its stacks, and one whose stack failed before its record was made is known from
its template. Stacks of another host, and regions that are not recorded, do not get here.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from cyclone_core.infra import targets
from cyclone_core.infra.deployed_stacks import Deployed
from cyclone_core.infra.plan import Bodies
from cyclone_core.infra.targets import Target
from cyclone_core.operations.resources import Place, Snapshot, Stored
from cyclone_core.scheduler.references import KINDS

SILENT = "UNKNOWN"
"""State of what is in a region that does not answer."""
_WORST = ("FAILED", "DELETING", "CREATING", "UPDATING", "ACTIVE", SILENT)
"""The first of these that one of its stacks is in, a resource is in."""


def state_of(status: str) -> str:
    """A resource's state from the state of one of its stacks, "" for a stack that is not there."""
    if status in ("", "DELETE_COMPLETE", "REVIEW_IN_PROGRESS"):
        return ""
    if status.endswith("_IN_PROGRESS"):
        if status.startswith("ROLLBACK"):
            return "FAILED"  # its creation failed already
        return {"CREATE": "CREATING", "IMPORT": "CREATING", "DELETE": "DELETING"}.get(status.partition("_")[0], "UPDATING")
    return "FAILED" if status.endswith("_FAILED") or status == "ROLLBACK_COMPLETE" else "ACTIVE"


def snapshot(
    place: targets.Place, recorded: Bodies, deployed: Iterable[Deployed], silent: Mapping[str, str] = MappingProxyType({})
) -> Snapshot:  # fmt: skip
    """Everything that the host has. recorded: with the bodies of stacks that failed before they were recorded, kind `host` too.

    silent: regions that do not answer, and why: there nothing is known, and a resource is as it is elsewhere.
    """
    there = [stack for stack in deployed if stack.is_there]
    wanted = targets.targets(place, recorded)
    found = {
        (kind, name): _stored(kind, name, body, targets.of(wanted, kind, name), there, place, silent)
        for kind in ("host", *KINDS)
        for name, body in sorted(recorded.get(kind, {}).items())
    }
    host = next((stored for (kind, _), stored in found.items() if kind == "host"), None)
    return Snapshot(tuple(stored for (kind, _), stored in found.items() if kind != "host"), {}, host)


def _stored(
    kind: str, name: str, body: Mapping[str, Any], wanted: list[Target], there: list[Deployed], place: targets.Place,
    silent: Mapping[str, str],
) -> Stored:  # fmt: skip
    mine = [stack for stack in there if stack.resource == (kind, name)]
    networks = {stack.region: state_of(stack.status) for stack in there if stack.kind == "region"}
    present = {stack.key: stack for stack in mine}
    per_region: dict[str, list[tuple[str, str]]] = {}
    for stack in mine:
        per_region.setdefault(stack.region, []).append((state_of(stack.status), _why(stack)))
    for target in wanted:
        if target.key not in present:
            missing = (SILENT, silent[target.region]) if target.region in silent else _missing(target, networks)
            per_region.setdefault(target.region, []).append(missing)
    order = sorted(per_region, key=lambda region: (region != place.main_region, region))
    places = tuple(_place(region, per_region[region]) for region in order)
    state = SILENT if kind == "region" and name in silent else _worst(each.state for each in places)
    created = min((stack.created for stack in mine), default=0.0)
    return Stored(kind, name, state, body, created, max((stack.updated or stack.created for stack in mine), default=created), 0, places)


def _place(region: str, found: list[tuple[str, str]]) -> Place:
    state = _worst(state for state, _ in found)
    return Place(region, state, next((why for each, why in found if each == state and why), ""))


def _missing(target: Target, networks: Mapping[str, str]) -> tuple[str, str]:
    """While its region is being made or deleted, a stack's turn comes, or has passed."""
    network = networks.get(target.region, "")
    if network in ("CREATING", "DELETING"):
        return network, ""
    return "FAILED", f"the stack {target.stack} is missing in {target.region}"


def _why(stack: Deployed) -> str:
    return stack.reason if state_of(stack.status) == "FAILED" else ""


def _worst(states: Iterable[str]) -> str:
    found = set(states)
    return next((state for state in _WORST if state in found), "FAILED")
