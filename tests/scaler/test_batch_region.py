"""One region's Batch from the scaler's side: pace, what answers mean, ending a part of an array."""

from collections.abc import Callable
from typing import Any

import pytest

from cyclone_core.errors import AccessDenied, AwsError, RegionUnavailable
from cyclone_core.scheduler import capacity
from cyclone_core.scheduler.dynamo.batch_region import BatchRegion
from cyclone_core.scheduler.dynamo.fleet import Request
from cyclone_core.scheduler.dynamo.region_driver import shortened

NOW = 1_700_000_000_000
QUEUE = {"jobQueueName": "grid--big", "state": "ENABLED", "status": "VALID", "computeEnvironmentOrder": [{"computeEnvironment": "arn"}]}
ENVIRONMENT = {"computeEnvironmentArn": "arn", "state": "ENABLED", "status": "VALID"}


class Answers:
    """A Batch that says what it is told to say, keeps what it was asked, and takes 50 submissions a second."""

    def __init__(self, **answers: Any) -> None:
        self.answers, self.asked = answers, list[tuple[str, dict[str, Any]]]()
        self.now, self.sent = 0.0, list[float]()

    def batch(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """An answer."""
        self.asked.append((operation, parameters))
        if operation == "SubmitJob":
            self.sent = [at for at in self.sent if at > self.now - 1] + [self.now]
            if len(self.sent) > 50:
                raise AwsError("too many requests", "Throttling")
            return {"jobId": f"id-{len(self.asked)}"}
        answer = self.answers[operation]
        found: dict[str, Any] = answer(**parameters) if callable(answer) else answer
        return found

    def wait(self, seconds: float) -> None:
        """Time goes by."""
        self.now += seconds


def _region(answers: Answers) -> BatchRegion:
    return BatchRegion(answers, "grid", "eu-west-1", lambda: answers.now, answers.wait)


def _request(workers: int = 10, batch: str = "job", **known: Any) -> Request:
    return Request("big", "eu-west-1", "big--small--0a", "small", workers, 1, NOW, batch, **known)


def _looked(job: dict[str, Any] | None, request: Request, now: int = NOW) -> Request:
    described: Callable[..., Any] = lambda jobs: {"jobs": [job] if job and jobs == ["job"] else []}  # noqa: E731
    (found,) = _region(Answers(DescribeJobs=described, ListJobs={"jobSummaryList": []})).look({}, [request], now).requests
    return found


def test_a_burst_of_many_lanes_and_a_million_tasks_is_within_the_quota() -> None:
    """300 lanes with 3,333 tasks each, and one with a million: nothing is refused, and the last is sent within ten seconds."""
    answers = Answers()
    region = _region(answers)
    for _ in range(300):
        region.submit(_request(3333, ""))
    for workers in capacity.requests(1_000_000):
        region.submit(_request(workers, ""))
    sizes = [parameters["arrayProperties"]["size"] for _, parameters in answers.asked]
    assert sum(sizes) == 300 * 3333 + 1_000_000
    assert max(sizes) == 10_000
    assert answers.now < 10


@pytest.mark.parametrize(
    ("queues", "environments", "why"),
    [
        ([QUEUE], [ENVIRONMENT], ""),
        ([], [], "there is no job queue grid--big"),
        ([{**QUEUE, "state": "DISABLED"}], [ENVIRONMENT], "job queue grid--big is disabled"),
        ([{**QUEUE, "status": "INVALID", "statusReason": "gone"}], [ENVIRONMENT], "job queue grid--big is INVALID: gone"),
        (
            [QUEUE],
            [{**ENVIRONMENT, "status": "INVALID", "statusReason": "CLIENT_ERROR - no role"}],
            "no compute environment of job queue grid--big can start instances: CLIENT_ERROR - no role",
        ),
        ([{**QUEUE, "status": "UPDATING"}], [{**ENVIRONMENT, "status": "UPDATING"}], ""),
    ],
)
def test_why_nothing_can_be_asked_for(queues: list[Any], environments: list[Any], why: str) -> None:
    """Queue and environments as Batch describes them."""
    answers = Answers(DescribeJobQueues={"jobQueues": queues}, DescribeComputeEnvironments={"computeEnvironments": environments})
    assert _region(answers).look({"big": {}}, [], NOW).closed == ({"big": why} if why else {})


def test_an_array_is_as_its_children_are() -> None:
    """What is in no state yet starts; what succeeded or failed is over."""
    summary = {"RUNNABLE": 3, "STARTING": 1, "RUNNING": 2, "SUCCEEDED": 1, "FAILED": 1}
    found = _looked({"jobId": "job", "status": "PENDING", "arrayProperties": {"size": 10, "statusSummary": summary}}, _request())
    assert (found.starting, found.running, found.over) == (6, 2, 2)


def test_a_worker_that_waits_has_not_ended_early() -> None:
    """A plain job without an instance says nothing of its image."""
    found = _looked({"jobId": "job", "status": "RUNNABLE", "statusReason": "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY"}, _request(1))
    assert (found.early, found.waiting, found.moved) == (0, 1, 0)


def test_workers_that_got_an_instance_wait_no_more() -> None:
    """Also while they fetch their image; what was ended before it got one never came."""
    counts = {"RUNNABLE": 4, "STARTING": 2, "RUNNING": 1, "FAILED": 3}
    job = {"jobId": "job", "status": "PENDING", "arrayProperties": {"statusSummary": counts}}
    answers = Answers(DescribeJobs={"jobs": [job]}, ListJobs={"jobSummaryList": []})
    (found,) = _region(answers).look({}, [_request(over=3, given_up=3)], NOW + 5).requests
    assert (found.waiting, found.placed, found.moved) == (4, 3, NOW + 5)
    (again,) = _region(answers).look({}, [found], NOW + 10).requests
    assert again.moved == NOW + 5, "nobody came since"


def test_instances_that_were_taken_away_are_counted() -> None:
    """Those that AWS terminated, and workers that left in time and said so; others that failed are not."""
    job = {"jobId": "job", "status": "PENDING", "arrayProperties": {"statusSummary": {"RUNNING": 7, "FAILED": 3}}}
    failed = [
        {"status": "FAILED", "statusReason": "Host EC2 (instance i-0) terminated.", "startedAt": NOW, "stoppedAt": NOW + 60_000},
        {"status": "FAILED", "container": {"exitCode": 75}, "startedAt": NOW, "stoppedAt": NOW + 1000},
        {"status": "FAILED", "container": {"exitCode": 1}, "startedAt": NOW, "stoppedAt": NOW + 60_000},
    ]

    def listed(jobStatus: str = "", **_: Any) -> dict[str, Any]:  # noqa: N803
        return {"jobSummaryList": failed if jobStatus == "FAILED" else []}

    (found,) = _region(Answers(DescribeJobs={"jobs": [job]}, ListJobs=listed)).look({}, [_request()], NOW).requests
    assert (found.taken, found.early) == (2, 0)


def test_children_are_looked_at_until_one_has_lasted() -> None:
    """Those of an array of which some have ended; then it is known that its workers can work."""
    job = {"jobId": "job", "status": "PENDING", "arrayProperties": {"statusSummary": {"RUNNING": 7, "FAILED": 3}}}
    children = {"jobSummaryList": [{"status": "RUNNING", "startedAt": NOW - 60_000}]}
    answers = Answers(DescribeJobs={"jobs": [job]}, ListJobs=children)
    (once,) = _region(answers).look({}, [_request()], NOW).requests
    (twice,) = _region(answers).look({}, [once], NOW).requests
    assert (once.well, once.early, twice) == (True, 0, once)
    listed = [said for operation, said in answers.asked if operation == "ListJobs"]
    assert [said["jobStatus"] for said in listed] == ["RUNNING", "FAILED"], "those that failed: were their instances taken away?"


def test_a_job_that_batch_has_forgotten_is_over() -> None:
    """But one that was submitted this minute may not be known everywhere yet."""
    assert not _looked(None, _request()).is_over
    assert _looked(None, _request(), NOW + 180_000).is_over


def test_a_plain_job_is_one_worker() -> None:
    """With its own reason to wait."""
    found = _looked({"jobId": "job", "status": "RUNNABLE", "statusReason": "CAPACITY: none"}, _request(1))
    assert (found.starting, found.reason) == (1, "CAPACITY: none")
    assert _looked({"jobId": "job", "status": "RUNNING"}, _request(1)).running == 1


def test_jobs_are_described_a_hundred_at_a_time() -> None:
    """However many requests there are."""
    answers = Answers(DescribeJobs={"jobs": []})
    _region(answers).look({}, [_request(1, f"job-{number}") for number in range(250)], NOW)
    assert [len(parameters["jobs"]) for _, parameters in answers.asked] == [100, 100, 50]


def test_a_part_of_an_array_is_ended_from_its_end() -> None:
    """Fifty children a request; the first are the next to get an instance."""
    children = [{"jobId": f"job:{index}"} for index in range(40, 200)]
    answers = Answers(ListJobs={"jobSummaryList": children}, TerminateJobs=lambda jobs, reason: {"successful": jobs})
    found = _region(answers).end(_request(200, running=40), 60, "why", NOW)
    ended = [parameters["jobs"] for operation, parameters in answers.asked if operation == "TerminateJobs"]
    assert ([len(part) for part in ended], ended[0][0], ended[1][-1]) == ([50, 10], "job:199", "job:140")
    assert (found.over, found.starting) == (60, 100)


def test_an_array_of_which_nothing_runs_is_ended_whole() -> None:
    """With one request."""
    answers = Answers(TerminateJob={})
    assert _region(answers).end(_request(200), 200, "why", NOW).ended == NOW
    assert answers.asked == [("TerminateJob", {"jobId": "job", "reason": "why"})]


@pytest.mark.parametrize(
    ("error", "certain"),
    [
        (AccessDenied("no", "AccessDeniedException"), True),
        (AwsError("no", "ClientException"), True),
        (AwsError("no", "Throttling"), True),
        (AwsError("no", "InternalFailure"), False),
        (RegionUnavailable("no", "ConnectionClosed"), False),
    ],
)
def test_what_says_for_certain_that_nothing_was_submitted(error: AwsError, certain: bool) -> None:
    """After anything else the job is looked for."""
    assert _region(Answers()).is_certain(_request(), error) == certain


def test_reasons_are_told_without_advice() -> None:
    """What the user of a command is to do says nothing in a line about waiting."""
    error = AwsError("batch in eu-west-1 refused SubmitJob: no such thing as a.b. Try again later", "ClientException")
    assert shortened(error) == "batch in eu-west-1 refused SubmitJob: no such thing as a.b"
