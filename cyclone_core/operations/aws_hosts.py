"""Use cases around AWS hosts: from a host to its account, what creating, changing and deleting one takes, and how one is.

A host is registered on this machine before its first stack is begun, so that whatever becomes of that can be seen, retried and deleted. A
host on the sandbox is in the registry as any other; where the sandbox listens and with which keys is looked up each time, since both
change with each start of it.
"""

import importlib.util
import os
import shutil
import threading
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cyclone_core import paths
from cyclone_core.errors import CycloneError, HostUnavailable, InvalidRequest, MissingExtra
from cyclone_core.host_registry import HostRegistry
from cyclone_core.infra import deployment_record, stack_plans
from cyclone_core.infra.deployed_stacks import Recorded
from cyclone_core.infra.plan import Plan
from cyclone_core.infra.targets import Place
from cyclone_core.jobs import STATES
from cyclone_core.operations.aws_looks import Look
from cyclone_core.operations.hosts import HostStatus
from cyclone_core.problems import Problem
from cyclone_core.resource_bodies import aws_body
from cyclone_core.resource_fields import Label
from cyclone_core.resources import Host, Region

if TYPE_CHECKING:
    from cyclone_core.aws.account import Account, Endpoint
    from cyclone_core.aws.network import Vpc
    from cyclone_core.operations.aws_resources import AwsResources
    from cyclone_core.operations.deployments import Deployment
    from cyclone_core.operations.resources import Proposal

LOOK_S = 6.0
"""So long a list waits for what AWS says about a host."""


# -- the way to an account ----------------------------------------------------------------------------------------------
def check_installed() -> None:
    """Raises MissingExtra where the libraries of AWS hosts are not installed."""
    lacking = [name for name in ("boto3", "aws_cdk") if importlib.util.find_spec(name) is None]
    if lacking:
        from cyclone_core.infra.synth_process import INSTALL

        raise MissingExtra(f"AWS hosts need the optional part aws, which is not installed ({', '.join(lacking)} is missing): {INSTALL}")


def account_of(host: Host) -> "Account":
    """The account that a host is in, as this user reaches it; nothing is asked of it yet.

    Raises MissingExtra, or HostUnavailable when the host is on the sandbox and that does not run.
    """
    check_installed()
    from cyclone_core.aws.account import Account

    if not host.sandbox:
        return Account(host.profile, host.region, expected=host.account or "")
    return Account(region=host.region, endpoint=sandbox_endpoint(host.name), expected=host.account or "")


def networks(host: Host, region: str) -> "tuple[Vpc, ...]":
    """The networks of a region that could be imported. Raises AwsError, MissingExtra, HostUnavailable."""
    account = account_of(host)
    from cyclone_core.aws import network

    return network.vpcs(account, region)


def place_of(host: Host) -> Place:
    """Whose stacks a host's are."""
    return Place(host.name, host.account or "", host.region or "")


def sandbox_endpoint(host: str = "") -> "Endpoint":
    """Where the sandbox of this machine listens. host: who is on it, for the message. Raises HostUnavailable when none runs."""
    from cyclone_core.aws.account import Endpoint
    from cyclone_core.operations import sandbox
    from cyclone_core.sandbox.settings import PROFILE

    status = sandbox.status()
    if status.running is None:
        what = f"the host {host} is on the sandbox of this machine, which does not run" if host else "no sandbox runs on this machine"
        raise HostUnavailable(f"{what}. Start it: hyper sandbox start (it starts empty: what was on the last one is gone)")
    return Endpoint(status.running.endpoint, str(status.directory.credentials), PROFILE)


# -- create -------------------------------------------------------------------------------------------------------------
def complete(host: Host, label: Label = str) -> Host:
    """A host with account and main region, from the credentials where it does not name them. Asks AWS who we are.

    Raises CredentialsUnusable (with what to do), MissingExtra, HostUnavailable, or InvalidRequest for a region that is not enabled.
    """
    account = account_of(host)
    found = host.model_copy(update={"account": account.identity().account, "region": account.default_region})
    enabled = account.regions()
    if found.region not in enabled:
        raise InvalidRequest([_not_enabled(label("region"), str(found.region), enabled)])
    return found


def propose_create(host: Host) -> "Proposal":
    """What deploying a new host takes: its control plane, and its main region unless that comes later (`auto_init_main`).

    host: a complete one. Raises AwsError, MissingExtra, HostUnavailable.
    """
    known = _resources(host)
    seen = known.look()
    desired: Recorded = {"host": {host.name: aws_body(host, host, {})}}
    if host.auto_init_main:
        desired["region"] = {str(host.region): aws_body(Region(name=str(host.region)), host, desired)}
    found = known.plan(seen, desired, touched={("host", host.name), ("region", str(host.region))})
    return _without_known(found, host) if seen.known.get("host") else found


def _without_known(proposal: "Proposal", host: Host) -> "Proposal":
    what = f"there is a host {host.name} in account {host.account} already, with its main region {host.region}"
    remedy = f"Use it: hyper hosts import-deployment --name {host.name} --region {host.region}, or choose another name"
    return replace(proposal, plan=Plan(), problems=(Problem(f"hosts[{host.name}]", what, remedy), *proposal.problems))


def create(host: Host, proposal: "Proposal", command: str = "", registry: HostRegistry | None = None) -> "Deployment":
    """Register and select a host, then begin to deploy it in a process of its own. Raises as `deployments.start` does."""
    from cyclone_core.operations import deployments

    proposal.check()
    register(host, registry)
    try:
        return deployments.start(host, proposal, command)
    except CycloneError:
        forget(host, registry)  # nothing was begun
        raise


def register(host: Host, registry: HostRegistry | None = None) -> None:
    """Let this machine know a host, and use it from now on. Raises InvalidRequest when the name is taken."""
    registry = registry or HostRegistry()
    registry.add(host)
    registry.select(host.name)


def forget(host: Host, registry: HostRegistry | None = None) -> None:
    """Let this machine forget a host; its stacks are not touched."""
    with suppress(CycloneError):
        (registry or HostRegistry()).remove(host.name)


def clear(host: Host) -> None:
    """Remove what this machine recorded of a host that is forgotten: its deployments, which nobody can look at any more."""
    directory = paths.host_state_dir(host.name)
    is_in_use = os.path.exists(os.path.join(directory, "state.db")) or deployment_record.running(deployments_dir(host))
    if not is_in_use:
        shutil.rmtree(directory, ignore_errors=True)


# -- change and delete --------------------------------------------------------------------------------------------------
def propose_update(host: Host, label: Label = str, revert_drift: bool = False) -> "Proposal":
    """What it takes for every stack of a host to be as this version of Cyclone makes it, and as its settings say.

    revert_drift: and for every resource in them to be as its stack made it.

    Raises AwsError, MissingExtra, HostUnavailable.
    """
    known = _resources(host)
    seen = known.look()
    body = aws_body(host, host, seen.known)
    found = known.plan(seen, {**seen.known, "host": {host.name: body}}, whole=True, revert_drift=revert_drift)
    network = seen.recorded.get("host", {}).get(host.name, {}).get("vpc")
    if host.region not in seen.known.get("region", {}) or network == body["vpc"]:
        return found
    what = "it says which network the main region gets, and that has one already"
    problem = Problem(label("vpc"), what, "Change the region: hyper regions init-main-region --vpc CIDR")
    return replace(found, problems=(problem, *found.problems))


def propose_delete(host: Host, keep_data: bool = False) -> "Proposal":
    """What deleting a host with all of its stacks takes; an empty plan when nothing of it is deployed.

    keep_data: its jobs and outputs stay in the account. Raises AwsError, MissingExtra, HostUnavailable.
    """
    known = _resources(host)
    found = known.plan(known.look(), {}, whole=True)
    details = found.details if keep_data or found.details is None else stack_plans.without_data(found.details)
    return replace(found, plan=replace(found.plan, keep_data=keep_data), details=details)


def is_gone(host: Host) -> bool:
    """Whether a host is on a sandbox that does not run any more: whatever was on it is gone with it."""
    if not host.sandbox:
        return False
    from cyclone_core.operations import sandbox

    return sandbox.status().state == "stopped"


# -- see ----------------------------------------------------------------------------------------------------------------
def status_of(host: Host, selected: bool) -> HostStatus:
    """How a host is, asked for LOOK_S seconds at most; never an exception."""
    found: list[tuple[str, dict[str, Any]]] = []
    thread = threading.Thread(target=lambda: found.append(_health(host)), daemon=True, name=f"look {host.name}")
    thread.start()
    thread.join(LOOK_S)
    state, details = found[0] if found else ("not answering", {"why": f"AWS has not answered for {LOOK_S:.0f} s"})
    where = {"account": host.account, "region": host.region, "sandbox": host.sandbox}
    return HostStatus(host, selected, state, "", {**{name: value for name, value in where.items() if value}, **details})


def _health(host: Host) -> tuple[str, dict[str, Any]]:
    try:
        snapshot = _resources(host).snapshot()
    except CycloneError as exc:
        return "not answering", {"why": str(exc)}
    except Exception as exc:  # noqa: BLE001  the border of a thread: told as what it is, not as silence of AWS
        return "not answering", {"why": f"the host cannot be read: {type(exc).__name__}: {exc}"}
    health = Look(snapshot).health()
    if snapshot.host is None:
        return health, {"why": "none of its stacks is in the account"}
    everything = (snapshot.host, *snapshot.resources)
    states = [stored.state for stored in everything]
    details: dict[str, Any] = {"resources": {state: states.count(state) for state in dict.fromkeys(sorted(states))}, **_work(host)}
    if health == "failed":
        broken = next(stored for stored in everything if stored.state == "FAILED")
        reason = next((place.reason for place in broken.places if place.reason), "")
        return health, {**details, "why": f"{broken.kind} {broken.name} is FAILED{f': {reason}' if reason else ''}"}
    return health, details


def _work(host: Host) -> dict[str, Any]:
    """What there is to do, and who does it: tasks by state, workers by region and cluster, lanes that something is in the way of."""
    from cyclone_core.operations import aws_crews
    from cyclone_core.operations.aws_host import AwsHost

    try:
        counts = [counts for _, counts in AwsHost(host.name).reader.counts()]
        seen = aws_crews.read(host.name)
    except CycloneError as exc:  # its stacks are there, so it is told what is not
        return {"why": f"its jobs cannot be read: {exc}"}
    tasks = {state: sum(row[k] for row in counts) for k, state in enumerate(STATES)}
    workers = [{"region": one.region, "cluster": one.cluster, "starting": one.starting, "running": one.running} for one in seen.crews]
    lanes = [{"cluster": one.cluster, "definition": one.definition, "why": one.why} for one in seen.lanes if one.why]
    return {"tasks": tasks, "workers": workers, **({"lanes": lanes} if lanes else {})}


def deployments_dir(host: Host) -> str:
    """Where the deployments of a host are recorded on this machine."""
    return paths.deployments_dir(paths.host_state_dir(host.name))


def _not_enabled(path: str, region: str, enabled: tuple[str, ...]) -> Problem:
    from cyclone_core.infra.stack_facts import not_enabled

    return not_enabled(path, region, enabled)


def _resources(host: Host) -> "AwsResources":
    from cyclone_core.operations.aws_resources import AwsResources

    return AwsResources(host)
