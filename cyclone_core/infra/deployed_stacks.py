"""What of a host is deployed: its records and its stacks, looked up in all regions at once."""

import json
import queue
import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from cyclone_core import naming
from cyclone_core.errors import AwsError, RegionUnavailable
from cyclone_core.infra import stack_states
from cyclone_core.infra.plan import Bodies
from cyclone_core.infra.targets import Key, Place, resource_of

if TYPE_CHECKING:
    from cyclone_core.aws.account import Account

PATIENCE_S = 20.0
"""So long a hub region is waited for when all are looked at."""
THREADS = 16
"""So many requests at once: more are throttled."""
_RECORDING = ("host", "region", "hub", "cluster", "definition", "queue")
"""Kinds of stacks in the main region that hold a record."""
_NOT_THERE = ("", "DELETE_COMPLETE", "REVIEW_IN_PROGRESS")
"""REVIEW_IN_PROGRESS: somebody asked for a change set of a new stack, and nothing was made."""
Recorded = dict[str, dict[str, Mapping[str, Any]]]
"""kind (`host` too) -> name -> body"""


@dataclass(frozen=True)
class Deployed:
    """A stack, as far as plans and lists look at it."""

    region: str
    stack: str
    kind: str
    """host, region, hub, peering, cluster, definition or queue, as its tags say"""
    name: str
    """of the resource, as its tags say"""
    status: str
    """as CloudFormation says it"""
    reason: str = ""
    created: float = 0.0
    """Seconds since 1970, as `updated`."""
    updated: float = 0.0

    @property
    def key(self) -> Key:
        """Region and stack."""
        return self.region, self.stack

    @property
    def resource(self) -> tuple[str, str] | None:
        """(kind, name) of what it is a part of."""
        return resource_of(self.kind, self.name)

    @property
    def is_there(self) -> bool:
        """Whether anything of it exists."""
        return self.status not in _NOT_THERE


@dataclass(frozen=True)
class Look:
    """What was seen."""

    recorded: Recorded = field(default_factory=dict)
    lost: Recorded = field(default_factory=dict)
    """bodies of stacks that failed before they were recorded, from their templates"""
    stacks: tuple[Deployed, ...] = ()
    silent: Mapping[str, str] = field(default_factory=dict)
    """hub regions that do not answer now, and why: of their stacks nothing is known"""

    @property
    def known(self) -> Recorded:
        """Both: everything that somebody wanted to be there."""
        kinds = dict.fromkeys((*self.recorded, *self.lost))
        return {kind: {**self.lost.get(kind, {}), **self.recorded.get(kind, {})} for kind in kinds}


def look(account: "Account", place: Place, regions: Iterable[str] = ()) -> Look:
    """What the host has. regions: where to look beside those that are recorded.

    A hub region that does not answer is told as silent; for the main region, and all else, AwsError is raised.
    """
    from cyclone_core.aws import records

    with ThreadPoolExecutor(THREADS) as pool:
        reading = pool.submit(records.read, account, place.main_region, place.host)
        begun = {region: pool.submit(stacks_in, account, place.host, region) for region in dict.fromkeys((place.main_region, *regions))}
        recorded: Recorded = {kind: dict(bodies) for kind, bodies in reading.result().bodies.items()}
        stacks = [stack for found in begun.values() for stack in found.result()]
        forgotten = [stack for stack in stacks if _should_be_recorded(stack, place, recorded)]
        lost: Recorded = {}
        for stack, body in zip(forgotten, pool.map(lambda stack: _template_body(account, stack), forgotten), strict=True):
            kind, name = stack.resource or ("", "")
            lost.setdefault(kind, {})[name] = {"name": name, **body}
        others = {*recorded.get("region", {}), *lost.get("region", {})} - set(begun)
        silent: dict[str, str] = {}
        for region, found in zip(
            sorted(others), pool.map(lambda region: _or_why(account, place.host, region), sorted(others)), strict=True
        ):
            if isinstance(found, str):
                silent[region] = found
            else:
                stacks += found
        return Look(recorded, lost, tuple(pool.map(lambda stack: _with_cause(account, stack), stacks)), silent)


def _or_why(account: "Account", host: str, region: str) -> list[Deployed] | str:
    """A region's stacks, or why it does not answer: others are not kept waiting for it as long as a request may take."""
    answers: queue.SimpleQueue[list[Deployed] | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(stacks_in(account, host, region))
        except Exception as exc:  # noqa: BLE001  raised again below
            answers.put(exc)

    threading.Thread(target=ask, name=f"look {region}", daemon=True).start()
    try:
        found = answers.get(timeout=PATIENCE_S)
    except queue.Empty:
        return f"{region} has not answered for {PATIENCE_S:.0f} seconds. Try again later"
    if isinstance(found, RegionUnavailable):
        return str(found)
    if isinstance(found, Exception):
        raise found
    return found


def stacks_in(account: "Account", host: str, region: str) -> list[Deployed]:
    """The host's stacks in a region. Raises AwsError."""
    from cyclone_core.aws.stacks import Stacks

    return [
        Deployed(
            region, now.name, now.tags.get(naming.TAG_KIND, ""), now.tags.get(naming.TAG_NAME, ""), now.status, now.reason,
            now.created, now.updated,
        )
        for now in Stacks(account, region).list(host)
    ]  # fmt: skip


def body_of(template: Mapping[str, Any]) -> dict[str, Any]:
    """The body in a stack's template; {} when it records none."""
    value = template.get("Resources", {}).get("Record", {}).get("Properties", {}).get("Value")
    try:
        found = json.loads(value) if isinstance(value, str) else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _with_cause(account: "Account", stack: Deployed) -> Deployed:
    """Why a stack failed, from its events: its own reason only counts what failed, or is empty once it was taken back."""
    if not (stack.status.endswith("_FAILED") or stack.status == "ROLLBACK_COMPLETE"):
        return stack
    from cyclone_core.aws.stacks import Stacks

    with suppress(AwsError):  # it is a list: what cannot be asked is left out
        root = stack_states.cause(Stacks(account, stack.region).events(stack.stack))
        if root is not None:
            return replace(stack, reason=f"{root.logical_id} ({root.type}): {root.reason}")
    return stack


def _should_be_recorded(stack: Deployed, place: Place, recorded: Bodies) -> bool:
    resource = stack.resource
    if not stack.is_there or resource is None or stack.region != place.main_region or stack.kind not in _RECORDING:
        return False
    return resource[1] not in recorded.get(resource[0], {})


def _template_body(account: "Account", stack: Deployed) -> dict[str, Any]:
    from cyclone_core.aws.stacks import Stacks

    return body_of(Stacks(account, stack.region).template(stack.stack))
