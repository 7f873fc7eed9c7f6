"""How AWS shows jobs: DescribeJobs, ListJobs, GetJobQueueSnapshot. Pure functions of the records."""

import fnmatch
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from cyclone_core.sandbox.batch.catalogue import Body
from cyclone_core.sandbox.batch.jobs import STATES, Attempt, Job
from cyclone_core.sandbox.batch.place import Place
from cyclone_core.sandbox.batch.refusal import Refused

MOST_DESCRIBED, PAGE, SNAPSHOT = 100, 1000, 100
"""Ids that DescribeJobs takes; jobs in a page of ListJobs; jobs that GetJobQueueSnapshot shows."""


def describe(place: Place, ids: Sequence[str]) -> Body:
    """DescribeJobs: what is known of the jobs that are there."""
    if len(ids) > MOST_DESCRIBED:
        raise Refused(f"jobs has {len(ids)} ids; at most {MOST_DESCRIBED} are allowed.")
    return {"jobs": [_details(place, place.jobs[name]) for name in ids if name in place.jobs]}


def list_jobs(place: Place, request: Body) -> Body:
    """ListJobs: of a queue, or the children of an array; newest first, as AWS does."""
    found = [job for job in reversed(_candidates(place, request)) if _is_wanted(job, request)]
    start, size = int(request.get("nextToken") or 0), min(PAGE, request.get("maxResults") or PAGE)
    page = {"jobSummaryList": [_summary(place, job) for job in found[start : start + size]]}
    return page if start + size >= len(found) else {**page, "nextToken": str(start + size)}


def snapshot(place: Place, reference: str, now_ms: int) -> Body:
    """GetJobQueueSnapshot: what is at the front of a queue."""
    name = place.catalogue.queue(reference)["jobQueueName"]
    front = [job for job in place.waiting.get(name, ()) if job.state == "RUNNABLE"][:SNAPSHOT]
    jobs = [{"jobArn": job.arn, "earliestTimeAtPosition": job.created_ms} for job in front]
    return {"frontOfQueue": {"jobs": jobs, "lastUpdatedAt": now_ms}}


def _candidates(place: Place, request: Body) -> list[Job]:
    if request.get("arrayJobId"):
        return place.job(request["arrayJobId"]).children
    if not request.get("jobQueue"):
        raise Refused("You must specify only one of the following: jobQueue, arrayJobId.")
    name = place.catalogue.queue(request["jobQueue"])["jobQueueName"]
    return [job for job in place.jobs.values() if job.queue == name and job.parent is None]


def _is_wanted(job: Job, request: Body) -> bool:
    filters: Iterable[Body] = request.get("filters", ())
    if not filters:
        return bool(job.state == request.get("jobStatus", "RUNNING"))
    return all(any(_FILTERS[entry["name"]](job, value) for value in entry["values"]) for entry in filters)


def _is_like(text: str, pattern: str) -> bool:
    return bool(fnmatch.fnmatchcase(text.lower(), pattern.lower()))


_FILTERS: dict[str, Callable[[Job, str], bool]] = {
    "JOB_NAME": lambda job, value: _is_like(job.name, value),
    "JOB_DEFINITION": lambda job, value: _is_like(job.work.definition_arn.rpartition("/")[2].partition(":")[0], value),
    "BEFORE_CREATED_AT": lambda job, value: job.created_ms < int(value),
    "AFTER_CREATED_AT": lambda job, value: job.created_ms > int(value),
}


def _summary(place: Place, job: Job) -> Body:
    container = _given({"exitCode": _exit_code(job), "reason": job.attempts[-1].reason if job.attempts else ""})
    shown = {
        "jobId": job.id, "jobArn": job.arn, "jobName": job.name, "status": job.state, "statusReason": job.reason,
        "createdAt": job.created_ms, "startedAt": job.started_ms, "stoppedAt": job.stopped_ms,
        "jobDefinition": job.work.definition_arn, "arrayProperties": _array(job), "container": container,
    }  # fmt: skip
    return _given(shown)


def _details(place: Place, job: Job) -> Body:
    work, queue = job.work, f"{job.arn.rpartition('job/')[0]}job-queue/{job.queue}"
    last = {"logStreamName": job.attempts[-1].log_stream, "reason": job.attempts[-1].reason} if job.attempts else {}
    container = {**work.container, "exitCode": _exit_code(job), **last, "logStreamName": _current_stream(job)}
    shown = {
        "jobId": job.id, "jobArn": job.arn, "jobName": job.name, "jobQueue": queue, "jobDefinition": work.definition_arn,
        "status": job.state, "statusReason": job.reason, "createdAt": job.created_ms, "startedAt": job.started_ms,
        "stoppedAt": job.stopped_ms, "attempts": [_attempt(each) for each in job.attempts], "container": _given(container),
        "retryStrategy": _given({"attempts": work.attempts, "evaluateOnExit": list(work.evaluate_on_exit)}),
        "timeout": _given({"attemptDurationSeconds": work.timeout_s}), "dependsOn": list(work.depends_on),
        "parameters": dict(work.parameters), "tags": dict(work.tags), "arrayProperties": _array(job), "platformCapabilities": ["EC2"],
        "isTerminated": bool(job.ending), "isCancelled": False,
    }  # fmt: skip
    return _given(shown, keep=("startedAt", "attempts", "dependsOn", "parameters", "tags", "isTerminated", "isCancelled"))


def _attempt(attempt: Attempt) -> Body:
    container = _given({"exitCode": attempt.exit_code, "reason": attempt.reason, "logStreamName": attempt.log_stream})
    return {
        "container": container, "startedAt": attempt.started_ms, "stoppedAt": attempt.stopped_ms, "statusReason": attempt.status_reason,
    }  # fmt: skip


def _array(job: Job) -> Body:
    if job.parent is not None:
        return {"index": job.index}
    return {"size": len(job.children), "statusSummary": {state: job.counts[state] for state in STATES}} if job.children else {}


def _exit_code(job: Job) -> int | None:
    return job.attempts[-1].exit_code if job.attempts else None


def _current_stream(job: Job) -> str:
    if job.state in ("STARTING", "RUNNING"):
        return job.log_stream
    return job.attempts[-1].log_stream if job.attempts else ""


def _given(members: Body, keep: Sequence[str] = ()) -> dict[str, Any]:
    """Without members that have no value, which AWS leaves out; numbers of 0 are values."""
    return {
        key: value
        for key, value in members.items()
        if (key in keep and value is not None) or (value is not None and value != "" and value != {} and value != [])
    }
