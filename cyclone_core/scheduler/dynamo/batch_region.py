"""AWS Batch in one region, as the scaler sees it: can workers be asked for, how are those that were, ask for some, end some.

Everything is asked in as few requests as Batch allows (100 jobs, queues or environments each); a region that does not answer, or refuses,
is an answer too: `Sight.error`, in AWS's words. Nobody retries here: the client repeats what helps, and the next look is a minute away.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from cyclone_core import naming
from cyclone_core.errors import AccessDenied, AwsError
from cyclone_core.scheduler.capacity import Pace
from cyclone_core.scheduler.dynamo import early_ends, instances
from cyclone_core.scheduler.dynamo.fleet import UNKNOWN_S, Request, told_over
from cyclone_core.scheduler.dynamo.region_driver import Body, Sight, shortened
from cyclone_core.scheduler.failover import asked_on

AT_ONCE = 100
"""Jobs, queues or environments that Batch describes in one answer."""
MOST_ENDED = 50
"""Jobs that TerminateJobs takes."""
SUBMISSIONS_PER_S = 45
"""Batch takes 50 SubmitJob a second of an account in a region, and the quota cannot be raised; others of the account get the rest."""
_REFUSED = frozenset(("ClientException", "Throttling", "TooManyRequestsException"))
"""Codes that say for certain that nothing was submitted."""
_CHANGING = ("CREATING", "UPDATING")
_PAGES = 5
"""Of an array's children that failed are looked at; a page has a hundred."""
_LOOKED_INTO = 20
"""Arrays whose first waiting child is looked at, in one region."""


class Batch(Protocol):
    """The part of the lean client that is used here."""

    def batch(self, operation: str, **parameters: Any) -> Body:
        """The answer of a request. Raises AwsError."""


class BatchRegion:
    """One region. One thread uses it at a time."""

    def __init__(
        self,
        aws: Batch,
        host: str,
        region: str,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """aws: the client of that region; settings: variables of all workers, beside their cluster's name."""
        self.region, self._settings = region, settings or {}
        self._aws, self._host, self._clock, self._sleep = aws, host, clock, sleep
        self._pace = Pace(SUBMISSIONS_PER_S)

    # -- look ------------------------------------------------------------------------------------------------------------
    def look(self, clusters: Mapping[str, Body], requests: Sequence[Request], now_ms: int) -> Sight:
        """Whether clusters can be asked for workers, and how requests are. Raises no AwsError: it is in the answer."""
        try:
            closed, missing, made = self._closed(clusters)
            found = [self._found(request, now_ms) for request in requests]
            described = self._described([request for request in found if request is not None], now_ms)
            return Sight("", closed, described, missing, made)
        except AwsError as exc:
            return Sight(shortened(exc), {}, list(requests))

    def _closed(self, clusters: Mapping[str, Body]) -> tuple[dict[str, str], dict[str, dict[str, str]], dict[str, dict[str, str]]]:
        """Why clusters cannot be asked at all, and not on later steps of their chains; and what the instances of each are made from."""
        steps = {
            naming.job_queue(self._host, cluster, step): (cluster, step) for cluster, body in clusters.items() for step in asked_on(body)
        }
        names = {name: cluster for name, (cluster, _) in steps.items()}
        queues = {queue["jobQueueName"]: queue for queue in self._describe("JobQueue", list(names))}
        entries = {each["computeEnvironment"] for queue in queues.values() for each in queue.get("computeEnvironmentOrder", ())}
        environments = {each["computeEnvironmentArn"]: each for each in self._describe("ComputeEnvironment", sorted(entries))}
        closed: dict[str, str] = {}
        missing: dict[str, dict[str, str]] = {}
        for name, (cluster, step) in steps.items():
            why = _why_closed(name, queues.get(name), environments)
            if why and step:
                missing.setdefault(cluster, {})[step] = why
            elif why:
                closed[cluster] = why
        made: dict[str, dict[str, str]] = {}
        for name, queue in queues.items():
            made.setdefault(names[name], {}).update(instances.made_from(_of_queue(queue, environments)))
        return closed, missing, made

    def _describe(self, what: str, names: Sequence[str]) -> Iterator[Body]:
        members = f"{what[0].lower()}{what[1:]}s"
        for part in _parts(names, AT_ONCE):
            yield from self._aws.batch(f"Describe{what}s", **{members: part})[members]

    def _found(self, request: Request, now_ms: int) -> Request | None:
        """A request whose Batch job is known; one whose job is not there when it should be is gone."""
        if request.batch:
            return request
        try:
            listed = self._aws.batch("ListJobs", jobQueue=self._queue(request), filters=[_named(request.name)])
        except AwsError as exc:
            if exc.code != "ClientException":
                raise
            listed = {}  # the queue itself is gone
        for job in listed.get("jobSummaryList", ()):
            if job["jobName"].lower() == request.name.lower():
                return replace(request, batch=job["jobId"])
        return None if now_ms - request.at > UNKNOWN_S * 1000 else request

    def _described(self, requests: Sequence[Request], now_ms: int) -> list[Request]:
        jobs = self._jobs([request.batch for request in requests if request.batch])
        found = [
            self._looked_into(each, _as_described(each, jobs.get(each.batch), now_ms), jobs.get(each.batch), now_ms) for each in requests
        ]
        heads = {request.batch: _head(request, jobs.get(request.batch)) for request in found if request.starting and request.batch}
        oldest = sorted((request for request in found if heads.get(request.batch)), key=lambda request: request.at)[:_LOOKED_INTO]
        reasons = {each: str(job.get("statusReason", "")) for each, job in self._jobs([heads[each.batch] for each in oldest]).items()}
        return [replace(request, reason=reasons.get(heads.get(request.batch, ""), request.reason)) for request in found]

    def _looked_into(self, before: Request, now: Request, job: Body | None, now_ms: int) -> Request:
        return self._counted(before, self._judged(before, now, job, now_ms), job)

    def _counted(self, before: Request, now: Request, job: Body | None) -> Request:
        """With how many of its workers lost their instances: it is looked into when more have ended."""
        if job is None or now.over <= before.over:
            return now
        lost = sum(map(early_ends.is_taken, self._failed(job) if now.workers > 1 else [job]))
        return replace(now, taken=max(now.taken, lost))

    def _failed(self, array: Body) -> Iterator[Body]:
        """Children of an array that failed, the first hundreds."""
        counts = array.get("arrayProperties", {}).get("statusSummary") or {}
        token: Body = {}
        for _ in range(_PAGES if counts.get("FAILED") else 0):
            answer = self._aws.batch("ListJobs", arrayJobId=array["jobId"], jobStatus="FAILED", **token)
            yield from answer.get("jobSummaryList", ())
            if not answer.get("nextToken"):
                return
            token = {"nextToken": answer["nextToken"]}

    def _judged(self, before: Request, now: Request, job: Body | None, now_ms: int) -> Request:
        """With how its workers begin: it is looked into when some have ended, until one of them has lasted."""
        if job is None or now.well or now.ended or (now.workers > 1 and now.over <= before.over):
            return now
        early, well, why = early_ends.judged(self._begun(job) if now.workers > 1 else [job], now_ms)
        return replace(now, early=max(now.early, early), well=well, why=why or now.why)

    def _begun(self, array: Body) -> Iterator[Body]:
        """Children of an array that run or have ended, the first hundred in each state."""
        counts = array.get("arrayProperties", {}).get("statusSummary") or {}
        for status in ("RUNNING", "SUCCEEDED", "FAILED"):
            if counts.get(status):
                yield from self._aws.batch("ListJobs", arrayJobId=array["jobId"], jobStatus=status)["jobSummaryList"]

    def _jobs(self, ids: Sequence[str]) -> dict[str, Body]:
        answers = [self._aws.batch("DescribeJobs", jobs=part) for part in _parts(ids, AT_ONCE)]
        return {job["jobId"]: job for answer in answers for job in answer["jobs"]}

    # -- do --------------------------------------------------------------------------------------------------------------
    def submit(self, request: Request) -> Request:
        """Submit the Batch job of a request; with its id. Raises AwsError; `is_certain` tells whether there is none then."""
        self._sleep(self._pace.wait_s(self._clock()))
        variables = {"CYCLONE_CLUSTER": request.cluster, **self._settings}
        several: Body = {"arrayProperties": {"size": request.workers}} if request.workers > 1 else {}
        answer = self._aws.batch(
            "SubmitJob",
            jobName=request.name,
            jobQueue=self._queue(request),
            jobDefinition=naming.job_definition(self._host, request.definition),
            containerOverrides={"environment": [{"name": name, "value": value} for name, value in variables.items()]},
            **several,
        )
        return replace(request, batch=answer["jobId"])

    def is_certain(self, request: Request, exc: AwsError) -> bool:
        """Whether an error of `submit` says that nothing was submitted; else nobody knows yet."""
        return isinstance(exc, AccessDenied) or exc.code in _REFUSED

    def end(self, request: Request, workers: int, reason: str, now_ms: int) -> Request:
        """End so many workers of a request that have not started, as it is then. Raises AwsError.

        One that starts in this moment is asked to end as a lost instance is, so it gives its work back.
        """
        if workers >= request.starting and not request.running:
            self._aws.batch("TerminateJob", jobId=request.batch, reason=reason)
            return replace(request, ended=now_ms)
        if request.workers == 1:
            return request
        ended = 0
        for part in _parts(self._children(request.batch, workers), MOST_ENDED):
            ended += len(self._aws.batch("TerminateJobs", jobs=part, reason=reason).get("successful", ()))
        return replace(request, over=request.over + ended, given_up=request.given_up + ended)

    def _queue(self, request: Request) -> str:
        return naming.job_queue(self._host, request.cluster, request.rung)

    def _children(self, array: str, most: int) -> list[str]:
        """Children that wait for an instance, the last ones first: the first are the next to get one."""
        found: list[str] = []
        token: Body = {}
        while True:
            answer = self._aws.batch("ListJobs", arrayJobId=array, jobStatus="RUNNABLE", **token)
            found += [job["jobId"] for job in answer.get("jobSummaryList", ())]
            if not answer.get("nextToken"):
                return sorted(found, key=lambda each: -int(each.rpartition(":")[2]))[:most]
            token = {"nextToken": answer["nextToken"]}


def _why_closed(name: str, queue: Body | None, environments: Mapping[str, Body]) -> str:
    if queue is None:
        return f"there is no job queue {name}"
    if queue["state"] != "ENABLED":
        return f"job queue {name} is disabled"
    if queue["status"] != "VALID" and queue["status"] != "UPDATING":
        why = queue.get("statusReason", "")
        return f"job queue {name} is {queue['status']}{f': {why}' if why else ''}"
    mine = _of_queue(queue, environments)
    if any(each.get("state") == "ENABLED" and each.get("status") in ("VALID", *_CHANGING) for each in mine):
        return ""
    enabled = [each for each in mine if each.get("state") == "ENABLED"]
    why = next(
        (f": {each['statusReason']}" for each in enabled if each.get("statusReason")), ": they are disabled" if mine and not enabled else ""
    )
    return f"no compute environment of job queue {name} can start instances{why}"


def _of_queue(queue: Body, environments: Mapping[str, Body]) -> list[Body]:
    order = (each["computeEnvironment"] for each in queue.get("computeEnvironmentOrder", ()))
    return [environments[name] for name in order if name in environments]


def _as_described(request: Request, job: Body | None, now_ms: int) -> Request:
    """A request as Batch describes its job, which it forgets some days after its end; a job that is not known yet is as it was."""
    if not request.batch:
        return replace(request, seen=now_ms)
    if job is None:
        return told_over(request, now_ms) if now_ms - request.at > UNKNOWN_S * 1000 else replace(request, seen=now_ms)
    if job["status"] in ("SUCCEEDED", "FAILED"):
        return told_over(request, now_ms)
    counts = job.get("arrayProperties", {}).get("statusSummary") or {job["status"]: 1}
    if request.workers == 1:
        counts = {job["status"]: 1}
    running, over = counts.get("RUNNING", 0), counts.get("SUCCEEDED", 0) + counts.get("FAILED", 0)
    placed = max(request.placed, running + counts.get("STARTING", 0) + max(0, over - request.given_up))
    known = replace(
        request,
        running=running,
        over=over,
        placed=placed,
        moved=now_ms if placed > request.placed else request.moved,
        came=request.came or (now_ms if running else 0),
        seen=now_ms,
    )
    return replace(known, reason=str(job.get("statusReason", "")) if known.workers == 1 and known.starting else "")


def _head(request: Request, job: Body | None) -> str:
    """The child that is the next to get an instance, "" when none waits for one: children get them in their order."""
    waiting = ((job or {}).get("arrayProperties", {}).get("statusSummary") or {}).get("RUNNABLE", 0)
    return f"{request.batch}:{request.workers - waiting}" if waiting and request.workers > 1 else ""


def _named(name: str) -> Body:
    return {"name": "JOB_NAME", "values": [name]}


def _parts(names: Sequence[str], most: int) -> Iterator[list[str]]:
    return (list(names[first : first + most]) for first in range(0, len(names), most))
