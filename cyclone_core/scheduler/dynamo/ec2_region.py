"""EC2 in one region, as the scaler sees it: instances of clusters of type EC2, each of which is a machine with slots (`machines`).

A request becomes EC2 Fleets of type `instant`: EC2 says at once which instances come, and of each pool that gives none why. What did not
come waits, and each look asks for it again, until somebody ends it (`failover`) or it is there. Instances carry the request's name as a
tag, by which they are found again when nobody heard the answer.

    waits       EC2 has had no instance for it (`placed` says for how many it had)
    starts      its machine has not said anything yet (MACHINE item); after ten minutes it is terminated: it never became a worker
    runs        its machine has said something within ten minutes, whoever's tasks it runs
    is over     terminated, by itself when it had nothing to do, or by EC2 (a spot interruption: `taken`)

The cluster's stack names what to launch (a launch template) and where (a parameter with the region's subnets). Rungs of the fallback chain
are arguments: more types, more zones, on demand.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from cyclone_core import naming
from cyclone_core.errors import AccessDenied, AwsError
from cyclone_core.prices import table as prices
from cyclone_core.prices.table import Facts
from cyclone_core.scheduler import machines
from cyclone_core.scheduler.dynamo import instances as outdated
from cyclone_core.scheduler.dynamo.fleet import UNKNOWN_S, Request
from cyclone_core.scheduler.dynamo.region_driver import NO_ROOM, Body, Sight, shortened
from cyclone_core.scheduler.machines import Need

TAG_REQUEST = "cyclone:request"
SILENT_S = 600.0
"""An instance on which no machine has said a word for so long is terminated, as long as somebody listened."""
PAUSE_S = 300.0
"""Two looks that are farther apart did not listen in between: the table, the function or the region was out of order. (What did not change
is written down each two minutes and a half.)"""
AGAIN_S = 30.0
"""What did not come is asked for again after so long."""
MOST_VCPUS = 1000
"""Of a cluster whose record does not say."""
MOST_TERMINATED = 500
LATEST = "$Latest"
_TOKEN = 64
"""Characters of a client token."""
_GONE = ("shutting-down", "terminated", "stopping", "stopped")
_TAKEN = ("Server.SpotInstanceTermination", "Server.SpotInstanceShutdown")
_FAILED = (
    "Client.InstanceInitiatedShutdown", "Client.InternalError", "Client.InvalidSnapshot.NotFound", "Client.VolumeLimitExceeded",
    "Server.InternalError",
)  # fmt: skip
"""Why an instance ended that nobody ended: its start failed, or (InternalError) its disk cannot be made, such as for want of its key."""
_UNSAID = frozenset(("", "RequestTimeout", "InternalError", "Unavailable", "ServiceUnavailable", "InternalFailure"))
"""Codes after which nobody knows whether instances were launched; all others are refusals."""
_LEAST_USD = 0.00101
"""EC2 refuses bids of $0.001 and less."""
_SUBNETS_S = 900.0
"""Subnets of a cluster, and their zones, are remembered for so long."""


class Client(Protocol):
    """The part of the lean client that is used here."""

    def ec2(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """An answer of EC2. Raises AwsError."""

    def ssm(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """An answer of Systems Manager. Raises AwsError."""


@dataclass(frozen=True)
class Instance:
    """One of ours, as EC2 describes it."""

    id: str
    cluster: str
    request: str
    type: str
    state: str
    launched_s: float
    """seconds since 1970"""
    reason: str = ""
    """code of why it ended"""

    @property
    def is_gone(self) -> bool:
        """Whether it does nothing any more."""
        return self.state in _GONE


class Ec2Region:
    """One region. One thread uses it at a time."""

    def __init__(
        self,
        aws: Client,
        host: str,
        region: str,
        bodies: Callable[[], Mapping[str, Mapping[str, Body]]],
        present: Callable[[], Mapping[str, bool]],
        gone: Callable[[Collection[str]], None] = lambda ids: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """bodies: the host's records; present: ids of the instances whose machines have said that they are there, and whether they have
        run anything; gone: hears of those that are no more, and could not say so."""
        self.region = region
        self._aws, self._host, self._bodies, self._present, self._gone, self._clock = aws, host, bodies, present, gone, clock
        self._subnets: dict[str, tuple[float, tuple[tuple[str, str], ...]]] = {}
        self._left: dict[str, Need] = {}
        """cluster -> room of instances that were asked for since the last look, beside that of the workers that they are for"""
        self._used: dict[str, int] = {}
        """cluster -> vCPUs of its instances, as of the last look and what was asked for since"""

    # -- look ------------------------------------------------------------------------------------------------------------
    def look(self, clusters: Mapping[str, Body], requests: Sequence[Request], now_ms: int) -> Sight:
        """Whether clusters can be asked for instances, and how requests are. Raises no AwsError: it is in the answer."""
        try:
            closed, made = self._closed(clusters)
            instances = self._instances()
            there = self._present() if instances else {}
            if dead := {each.id for each in instances if each.is_gone and each.id in there}:
                self._gone(dead)
            requests = [_listening(request, now_ms) for request in requests]
            late = self._terminate_late(instances, requests, there, now_ms)
            seen = [self._seen(request, instances, there, late, now_ms) for request in requests]
            found = [request for request in seen if request is not None]
            self._count(instances, found, now_ms)
            return Sight("", closed, [self._asked_again(request, now_ms) for request in found], made)
        except AwsError as exc:
            return Sight(shortened(exc), {}, list(requests))

    def _closed(self, clusters: Mapping[str, Body]) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
        """Why clusters cannot be asked for instances; and what those of each are made from."""
        names = {naming.launch_template(self._host, cluster): cluster for cluster in clusters}
        if not names:
            return {}, {}
        wanted = [{"Name": "launch-template-name", "Value": list(names)}]
        answer = self._aws.ec2("DescribeLaunchTemplates", Filter=wanted)
        there = {str(each["launchTemplateName"]): str(each.get("latestVersionNumber", "")) for each in answer.get("launchTemplates") or ()}
        found = {cluster: f"there is no launch template {name}" for name, cluster in names.items() if name not in there}
        for cluster in clusters:
            if cluster not in found and not self._places(cluster):
                found[cluster] = "its stack names no subnets that are there"
        made = {names[name]: outdated.of_machines(version, clusters[names[name]]) for name, version in there.items()}
        return found, made

    def _instances(self, **only: str) -> list[Instance]:
        """The host's instances, those that ended lately too."""
        wanted = {naming.TAG_HOST: self._host, **only}
        filters = [{"Name": f"tag:{name}", "Value": [value]} for name, value in wanted.items()]
        found: list[Instance] = []
        token: dict[str, Any] = {}
        while True:
            answer = self._aws.ec2("DescribeInstances", Filter=filters, MaxResults=1000, **token)
            found += [_instance(each) for group in answer.get("reservationSet") or () for each in group.get("instancesSet") or ()]
            if not answer.get("nextToken"):
                return [each for each in found if each.request]
            token = {"NextToken": answer["nextToken"]}

    def _count(self, instances: Sequence[Instance], requests: Iterable[Request], now_ms: int) -> None:
        """vCPUs of each cluster; what was launched a moment ago need not be described yet."""
        used: dict[str, int] = defaultdict(int)
        for each in instances:
            kind = prices.facts(each.type)
            if not each.is_gone and kind is not None:
                used[each.cluster] += kind.vcpus
        for request in requests:
            if _is_young(request, now_ms) or now_ms - request.moved < UNKNOWN_S * 1000:
                unseen = request.placed or (0 if request.batch else request.workers)
                unseen -= sum(self._slots(request, each) for each in instances if each.request == request.name)
                used[request.cluster] += max(0, unseen) * request.vcpus
        self._used, self._left = dict(used), {}

    def _terminate_late(self, instances: Iterable[Instance], requests: Sequence[Request], there: Collection[str], now_ms: int) -> set[str]:
        """End those that never became workers, or are none any more; their ids. They end by themselves while nobody asks for any."""
        listened = max((request.listened for request in requests), default=now_ms)
        silent = (each for each in instances if not each.is_gone and each.id not in there)
        late = [each.id for each in silent if now_ms - max(each.launched_s * 1000, listened) > SILENT_S * 1000]
        stopped = [each.id for each in instances if each.state == "stopped"]  # by hand: its disk costs, and nobody starts it again
        try:
            self._terminate([*late, *stopped])
        except AwsError:  # one that may not be ended keeps nobody else away; it counts as it is, and the next look tries again
            return set()
        return set(late)

    def _terminate(self, ids: Sequence[str]) -> None:
        for first in range(0, len(ids), MOST_TERMINATED):
            self._aws.ec2("TerminateInstances", InstanceId=list(ids[first : first + MOST_TERMINATED]))

    def _seen(
        self, request: Request, instances: Sequence[Instance], there: Mapping[str, bool], late: set[str], now_ms: int
    ) -> Request | None:
        """A request as its instances are; None when nothing came of it."""
        mine = [each for each in instances if each.request == request.name]
        if not request.batch and not mine:
            return None if now_ms - request.at > UNKNOWN_S * 1000 else replace(request, seen=now_ms)
        alive = [each for each in mine if not each.is_gone and each.id not in late]
        running, starting = (
            sum(self._slots(request, each) for each in alive if (each.id in there) == is_there) for is_there in (True, False)
        )
        gone = sum(self._slots(request, each) for each in mine if each not in alive)
        placed = max(request.placed, running + starting + gone)
        is_new = _is_young(request, now_ms) or now_ms - request.moved < UNKNOWN_S * 1000  # what was launched need not be described yet
        over = gone if is_new else placed - running - starting
        types = Counter(each.type for each in mine)
        unseen = Counter(request.launched) - types if is_new else Counter[str]()
        known = replace(
            request,
            batch=request.batch or request.name,
            placed=placed,
            moved=now_ms if placed > request.placed else request.moved,
            workers=max(request.workers, placed),
            running=running,
            over=max(over, 0),
            taken=max(request.taken, sum(self._slots(request, each) for each in mine if each.reason in _TAKEN)),
            came=request.came or (now_ms if running else 0),
            seen=now_ms,
            well=request.well or any(there.get(each.id) for each in mine),
            launched=dict(Counter(request.launched) | types),
            coming=dict(Counter(each.type for each in alive if each.id not in there) + unseen),
        )
        return self._judged(known, [each for each in mine if each.id not in there], [each.id for each in mine if each.id in late])

    def _judged(self, request: Request, unknown: Sequence[Instance], never: Sequence[str]) -> Request:
        """With what is said of instances that ran nothing: those that ended are seen for an hour, and told once.

        unknown: of which no machine says anything now.
        """
        failed = [each for each in unknown if each.is_gone and each.reason in _FAILED]
        if request.well or (not never and len(failed) <= request.early):
            return request
        what = "ran nothing" if request.came else "never became a worker"
        if not never:
            why = f"instance {failed[0].id} {what} before it ended ({failed[0].reason}): see aws ec2 get-console-output"
            return replace(request, early=len(failed), why=why)
        why = f"instance {never[0]} {what}: what it printed is told by aws ec2 get-console-output"
        return replace(request, early=request.early + len(never), why=why)

    def _asked_again(self, request: Request, now_ms: int) -> Request:
        """A request, with what is missing of it asked for once more."""
        if request.ended or not request.batch or request.placed >= request.workers or _is_young(request, now_ms, AGAIN_S):
            return request
        try:
            return self._launch(request, request.workers - request.placed, f"{request.name}-{now_ms // 1000}", now_ms)
        except AwsError as exc:
            workers = request.placed if exc.code == NO_ROOM else request.workers  # who cannot be asked for waits for no instance
            return replace(request, workers=workers, reason=shortened(exc))

    def _slots(self, request: Request, instance: Instance) -> int:
        """Workers of a request's lane that an instance holds, 1 at least."""
        kind = prices.facts(instance.type)
        return max(1, machines.slots_of(self._need(request), kind)) if kind else 1

    def _need(self, request: Request) -> Need:
        body = self._bodies().get("definition", {}).get(request.definition)
        return need_of(body) if body else Need(request.vcpus)

    # -- where -----------------------------------------------------------------------------------------------------------
    def _places(self, cluster: str) -> tuple[tuple[str, str], ...]:
        """(zone, subnet) of a cluster, one for each zone; () when there are none."""
        known = self._subnets.get(cluster)
        if known is None or self._clock() - known[0] > _SUBNETS_S:
            known = self._clock(), tuple(self._look_up(cluster))
            self._subnets[cluster] = known
        if not known[1]:
            del self._subnets[cluster]  # a stack that is being made: the next look asks again
        return known[1]

    def _look_up(self, cluster: str) -> Iterator[tuple[str, str]]:
        name = naming.subnets_of(self._host, cluster)
        try:
            listed = str(self._aws.ssm("GetParameter", Name=name)["Parameter"]["Value"]).split(",")
        except AwsError as exc:
            if exc.code != "ParameterNotFound":
                raise
            return
        answer = self._aws.ec2("DescribeSubnets", SubnetId=listed)
        zones = {str(each["subnetId"]): str(each["availabilityZone"]) for each in answer.get("subnetSet") or ()}
        seen: set[str] = set()
        for subnet in listed:
            zone = zones.get(subnet)
            if zone is not None and zone not in seen:  # a fleet takes one subnet of each zone
                seen.add(zone)
                yield zone, subnet

    # -- do --------------------------------------------------------------------------------------------------------------
    def submit(self, request: Request) -> Request:
        """Ask for the instances of a request, as it is then: what did not come waits. Raises AwsError.

        Workers that find room on instances that were asked for since the last look, for others, need none of their own.
        """
        need, left = self._need(request), self._left.get(request.cluster, Need(0))
        shared = min(request.workers, machines.slots(need, left.vcpus, left.memory_mib, left.gpus))
        self._left[request.cluster] = machines.less(left, need, shared)
        request = replace(request, workers=request.workers - shared)
        if not request.workers:
            return replace(request, batch=request.name)
        return self._launch(request, request.workers, request.name, request.at)

    def _launch(self, request: Request, workers: int, token: str, now_ms: int) -> Request:
        """Instances for so many of a request's workers. token: the same for what is asked for once. Raises AwsError."""
        cluster = self._bodies().get("cluster", {}).get(request.cluster, {})
        places = self._places_for(cluster, request)
        if not places:
            raise AwsError(f"cluster {request.cluster} has no subnets in {self.region}. Deploy it again", "NoSubnets", "ec2:CreateFleet")
        if self._need(request).gpus and not cluster.get("main_region_image_name"):
            what = f"cluster {request.cluster} starts Amazon's image, which has no drivers for GPUs: its machines would offer none"
            raise AwsError(f"{what}. Give it an image that has them: --main-region-image-name NAME", NO_ROOM, "ec2:CreateFleet")
        room = int(cluster.get("max_vcpus") or MOST_VCPUS) - self._used.get(request.cluster, 0)
        kinds = types_for(cluster, request.rung, self.region)
        asked = machines.instances_for(self._need(request), kinds, workers, room, len(places))
        if asked.why:
            raise AwsError(f"cluster {request.cluster}: {asked.why}. Look at its instance list and its limit", NO_ROOM, "ec2:CreateFleet")
        most = machines.most_vcpus(asked)
        self._used[request.cluster] = self._used.get(request.cluster, 0) + most
        answer = self._aws.ec2("CreateFleet", **self._fleet(request, cluster, asked, places, token))
        placed, brought, types = _brought(asked, answer)
        self._used[request.cluster] += brought.vcpus - most
        left = machines.less(brought, self._need(request), min(workers, placed))
        self._left[request.cluster] = machines.both(self._left.get(request.cluster, Need(0)), left)
        return replace(
            request,
            batch=str(answer.get("fleetId") or request.name),
            placed=request.placed + placed,
            moved=now_ms if placed else request.moved,
            workers=request.placed + max(placed, min(workers, asked.units)),  # whom the limit leaves no room waits for no instance
            reason=said(answer.get("errorSet") or ()) if placed < workers else "",
            launched=dict(Counter(request.launched) + types),
            coming=dict(Counter(request.coming) + types),
        )

    def _places_for(self, cluster: Body, request: Request) -> Sequence[tuple[str, str]]:
        """The first zones, and all from the rung `zones` on."""
        places, first = self._places(request.cluster), cluster.get("first_zones")
        return places[: int(first)] if first and request.rung in ("", "instance-types") else places

    def _fleet(
        self, request: Request, cluster: Body, asked: machines.Instances, places: Sequence[tuple[str, str]], token: str
    ) -> dict[str, Any]:
        """CreateFleet's parameters."""
        spot, units, weights = is_spot(cluster, request.rung), asked.units, asked.weights
        if min(weights.values()) > units:  # one instance will do: EC2 goes by its price then, not by that of a unit
            units, weights = 1, dict.fromkeys(weights, 1)
        template = {"LaunchTemplateName": naming.launch_template(self._host, request.cluster), "Version": LATEST}
        overrides = [
            {"InstanceType": kind.type, "SubnetId": subnet, "WeightedCapacity": weight, **_bid(cluster, kind, self.region, spot, weight)}
            for kind, weight in weights.items()
            for _, subnet in places
        ]
        tags = {naming.TAG_HOST: self._host, naming.TAG_KIND: "cluster", naming.TAG_NAME: request.cluster, TAG_REQUEST: request.name}
        listed = [{"Key": name, "Value": value} for name, value in tags.items()]
        how = strategy(cluster, spot)
        return {
            "Type": "instant",
            "ClientToken": token_of(self._host, token),
            "LaunchTemplateConfigs": [{"LaunchTemplateSpecification": template, "Overrides": overrides}],
            "TargetCapacitySpecification": {
                "TotalTargetCapacity": units,
                "DefaultTargetCapacityType": "spot" if spot else "on-demand",
            },
            **({"SpotOptions": {"AllocationStrategy": how}} if spot else {"OnDemandOptions": {"AllocationStrategy": how}}),
            "TagSpecification": [{"ResourceType": kind, "Tag": listed} for kind in ("fleet", "instance", "volume")],
        }

    def is_certain(self, request: Request, exc: AwsError) -> bool:
        """Whether an error of `submit` says that nothing was asked for; else nobody knows yet."""
        return isinstance(exc, AccessDenied) or exc.code not in _UNSAID

    def end(self, request: Request, workers: int, reason: str, now_ms: int) -> Request:
        """End so many workers of a request that have not started, at most: first what waits, then instances, the last ones first.

        Raises AwsError.
        """
        waiting = min(workers, max(0, request.workers - request.placed))
        request = replace(request, workers=request.workers - waiting)
        left, ids = workers - waiting, []
        for each in self._not_there(request) if left else ():
            held = self._slots(request, each)
            if held <= left:
                left -= held
                ids.append(each.id)
        self._terminate(ids)
        ended = workers - waiting - left
        return replace(request, over=request.over + ended) if ended else request

    def _not_there(self, request: Request) -> list[Instance]:
        """Instances whose machines have not come, the last ones first."""
        there = self._present()
        found = [each for each in self._instances(**{TAG_REQUEST: request.name}) if not each.is_gone and each.id not in there]
        return sorted(found, key=lambda each: (-each.launched_s, each.id))


# -- what records say -----------------------------------------------------------------------------------------------------
def need_of(definition: Body) -> Need:
    """What a worker of a definition takes of a machine."""
    return Need(int(definition.get("vcpus") or 1), int(definition.get("memory_limit_mib") or 0), int(definition.get("gpu_count") or 0))


def types_for(cluster: Body, rung: str, region: str) -> list[Facts]:
    """The instance types of a cluster on a rung, without those that the bid rules out because nobody knows their price."""
    words = [str(word) for word in cluster.get("instance_list") or ("optimal",)]
    if rung:
        others = [str(word) for word in cluster.get("fallback_instance_list") or ()]
        words += others or (BEFORE if "optimal" in words else [])
    found = [kind for name in prices.types_of(words) if (kind := prices.facts(name)) is not None]
    arch = found[0].architecture if found else ""
    spot = is_spot(cluster, rung)
    return [kind for kind in found if kind.architecture == arch and (not _limit(cluster, spot) or prices.on_demand(kind.type, region))]


BEFORE = ["c5", "m5", "r5"]
"""The generation before that of `optimal`, which is tried when none of that comes."""


def is_spot(cluster: Body, rung: str) -> bool:
    """Whether instances may be taken away."""
    return cluster.get("type", "SPOT") == "SPOT" and rung != "on-demand"


def strategy(cluster: Body, spot: bool) -> str:
    """How EC2 picks among types and zones. BEST_FIT_PROGRESSIVE: the cheapest; else the cheapest that are not likely to be taken away."""
    cheapest = cluster.get("allocation_strategy") == "BEST_FIT_PROGRESSIVE" or not spot
    return "lowest-price" if cheapest else "price-capacity-optimized"


def token_of(host: str, name: str) -> str:
    """A client token: the end of a request's name is different each time."""
    return f"{host}-{name}"[-_TOKEN:]


def said(errors: Iterable[Mapping[str, Any]]) -> str:
    """What EC2 says of pools that gave nothing, each code once."""
    found: dict[str, str] = {}
    for each in errors:
        found.setdefault(str(each.get("errorCode", "")), " ".join(str(each.get("errorMessage", "")).split()))
    return "; ".join(f"{code}: {words.partition('. ')[0].rstrip('.')}" for code, words in found.items()) or "EC2 does not say why"


def _brought(asked: machines.Instances, answer: Mapping[str, Any]) -> tuple[int, Need, Counter[str]]:
    """Workers, and all the room, of the instances that a fleet launched, and how many there are of each type."""
    kinds = {kind.type: (weight, kind) for kind, weight in asked.weights.items()}
    units = vcpus = memory_mib = gpus = 0
    types = Counter[str]()
    for group in answer.get("fleetInstanceSet") or ():
        count = len(group.get("instanceIds") or ())
        types[str(group.get("instanceType"))] += count
        if str(group.get("instanceType")) not in kinds:
            units += count
            continue
        weight, kind = kinds[str(group["instanceType"])]
        units, vcpus, gpus = units + weight * count, vcpus + kind.vcpus * count, gpus + kind.gpus * count
        memory_mib += machines.usable_mib(kind.memory_mib) * count
    return units, Need(vcpus, memory_mib, gpus), types


def _is_young(request: Request, now_ms: int, seconds: float = UNKNOWN_S) -> bool:
    return now_ms - request.at < seconds * 1000


def _limit(cluster: Body, spot: bool) -> int:
    """Per cent of the on-demand price that are paid at most, 0 for no limit of its own: spot never costs more than on demand."""
    share = int(cluster.get("bid_percentage") or 100)
    return share if spot and share < 100 else 0


def _bid(cluster: Body, kind: Facts, region: str, spot: bool, weight: int) -> dict[str, str]:
    """The most that is paid: of a unit an hour, as EC2 reads it, which are as many to an instance as it has weight."""
    share, usd = _limit(cluster, spot), prices.on_demand(kind.type, region)
    return {"MaxPrice": f"{max(usd * share / 100 / weight, _LEAST_USD):.5f}"} if share and usd else {}


def _instance(body: Mapping[str, Any]) -> Instance:
    tags = {str(each.get("key")): str(each.get("value")) for each in body.get("tagSet") or ()}
    reason = body.get("stateReason") or {}
    return Instance(
        str(body["instanceId"]),
        tags.get(naming.TAG_NAME, ""),
        tags.get(TAG_REQUEST, ""),
        str(body.get("instanceType", "")),
        str((body.get("instanceState") or {}).get("name", "")),
        _seconds(str(body.get("launchTime", ""))),
        str(reason.get("code", "")) if isinstance(reason, Mapping) else "",
    )


def _seconds(text: str) -> float:
    """Seconds since 1970 of a time of EC2's, 2026-11-23T06:00:00.000Z."""
    try:
        return float(time_of(text[:19]))
    except ValueError:
        return 0.0


def time_of(text: str) -> int:
    """Seconds since 1970 of 2026-11-23T06:00:00 in UTC. Raises ValueError."""
    import calendar

    return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%S"))


def _listening(request: Request, now_ms: int) -> Request:
    """A request that is looked at now: after a pause silence counts anew."""
    return replace(request, listened=now_ms) if now_ms - max(request.seen, request.at) > PAUSE_S * 1000 else request
