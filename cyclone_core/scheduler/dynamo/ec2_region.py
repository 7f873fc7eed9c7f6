"""EC2 in one region, as the scaler sees it: instances of clusters of type EC2, each of which is a machine with slots (`machines`).

A request becomes EC2 Fleets of type `instant` (`ec2_fleets`): EC2 says at once which instances come, and of each pool that gives none why.
What did not come waits, and each look asks for it again, until somebody ends it (`failover`) or it is there. What is seen of instances
(`ec2_instances`) says how requests are (`ec2_sights`).
"""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from cyclone_core import naming
from cyclone_core.errors import AccessDenied, AwsError
from cyclone_core.prices import table as prices
from cyclone_core.scheduler import machines
from cyclone_core.scheduler.dynamo import ec2_fleets, ec2_instances, ec2_sights
from cyclone_core.scheduler.dynamo import instances as outdated
from cyclone_core.scheduler.dynamo.ec2_fleets import need_of, types_for
from cyclone_core.scheduler.dynamo.ec2_instances import TAG_REQUEST, Client, Instance
from cyclone_core.scheduler.dynamo.ec2_places import Places
from cyclone_core.scheduler.dynamo.fleet import Request
from cyclone_core.scheduler.dynamo.region_driver import NO_ROOM, Body, Sight, shortened
from cyclone_core.scheduler.machines import Need

AGAIN_S = 30.0
"""What did not come is asked for again after so long."""
MOST_VCPUS = 1000
"""Of a cluster whose record does not say."""
_UNSAID = frozenset(("", "RequestTimeout", "InternalError", "Unavailable", "ServiceUnavailable", "InternalFailure"))
"""Codes after which nobody knows whether instances were launched; all others are refusals."""


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
        self._aws, self._host, self._bodies, self._present, self._gone = aws, host, bodies, present, gone
        self._places = Places(aws, host, clock)
        self._left: dict[str, Need] = {}
        """cluster -> room of instances that were asked for since the last look, beside that of the workers that they are for"""
        self._used: dict[str, int] = {}
        """cluster -> vCPUs of its instances, as of the last look and what was asked for since"""

    # -- look ------------------------------------------------------------------------------------------------------------
    def look(self, clusters: Mapping[str, Body], requests: Sequence[Request], now_ms: int) -> Sight:
        """Whether clusters can be asked for instances, and how requests are. Raises no AwsError: it is in the answer."""
        try:
            closed, made = self._closed(clusters)
            instances = ec2_instances.described(self._aws, self._host)
            there = self._present() if instances else {}
            if dead := {each.id for each in instances if each.is_gone and each.id in there}:
                self._gone(dead)
            requests = [ec2_sights.listening(request, now_ms) for request in requests]
            late = self._ended(instances, ec2_sights.silent(instances, requests, there, now_ms))
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
            if cluster not in found and not self._places.of(cluster):
                found[cluster] = "its stack names no subnets that are there"
        made = {names[name]: outdated.of_machines(version, clusters[names[name]]) for name, version in there.items()}
        return found, made

    def _count(self, instances: Sequence[Instance], requests: Iterable[Request], now_ms: int) -> None:
        """vCPUs of each cluster; what was launched a moment ago need not be described yet."""
        used: dict[str, int] = defaultdict(int)
        for each in instances:
            kind = prices.facts(each.type)
            if not each.is_gone and kind is not None:
                used[each.cluster] += kind.vcpus
        for request in requests:
            if ec2_sights.is_settling(request, now_ms):
                unseen = request.placed or (0 if request.batch else request.workers)
                unseen -= sum(self._slots(request, each) for each in instances if each.request == request.name)
                used[request.cluster] += max(0, unseen) * request.vcpus
        self._used, self._left = dict(used), {}

    def _ended(self, instances: Iterable[Instance], silent: Sequence[str]) -> set[str]:
        """End those that have been silent for too long; their ids."""
        stopped = [each.id for each in instances if each.state == "stopped"]  # by hand: its disk costs, and nobody starts it again
        try:
            ec2_instances.terminate(self._aws, [*silent, *stopped])
        except AwsError:  # one that may not be ended keeps nobody else away; it counts as it is, and the next look tries again
            return set()
        return set(silent)

    def _seen(
        self, request: Request, instances: Iterable[Instance], there: Mapping[str, bool], late: Collection[str], now_ms: int
    ) -> Request | None:
        mine = [each for each in instances if each.request == request.name]
        return ec2_sights.seen(request, mine, there, late, lambda each: self._slots(request, each), now_ms)

    def _asked_again(self, request: Request, now_ms: int) -> Request:
        """A request, with what is missing of it asked for once more."""
        if request.ended or not request.batch or request.placed >= request.workers or ec2_sights.is_young(request, now_ms, AGAIN_S):
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
        places = self._places.asked(request, cluster)
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
        answer = self._aws.ec2("CreateFleet", **ec2_fleets.parameters(self._host, request, cluster, asked, places, token))
        placed, brought, types = ec2_fleets.brought(asked, answer)
        self._used[request.cluster] += brought.vcpus - most
        left = machines.less(brought, self._need(request), min(workers, placed))
        self._left[request.cluster] = machines.both(self._left.get(request.cluster, Need(0)), left)
        return replace(
            request,
            batch=str(answer.get("fleetId") or request.name),
            placed=request.placed + placed,
            moved=now_ms if placed else request.moved,
            workers=request.placed + max(placed, min(workers, asked.units)),  # whom the limit leaves no room waits for no instance
            reason=ec2_fleets.said(answer.get("errorSet") or ()) if placed < workers else "",
            launched=dict(Counter(request.launched) + types),
            coming=dict(Counter(request.coming) + types),
        )

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
        ec2_instances.terminate(self._aws, ids)
        ended = workers - waiting - left
        return replace(request, over=request.over + ended) if ended else request

    def _not_there(self, request: Request) -> list[Instance]:
        """Instances whose machines have not come, the last ones first."""
        there, mine = self._present(), ec2_instances.described(self._aws, self._host, **{TAG_REQUEST: request.name})
        found = [each for each in mine if not each.is_gone and each.id not in there]
        return sorted(found, key=lambda each: (-each.launched_s, each.id))
