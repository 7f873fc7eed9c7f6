"""Compute environments, queues and definitions of AWS Batch on the sandbox: what waits, and what may be changed and deleted."""

import functools
import itertools
from collections.abc import Iterator

import pytest

from tests.sandbox.batch import Batch, one_queue
from tests.sandbox.conftest import Sandbox, wait_until

_NUMBERS = itertools.count(1)


@pytest.fixture
def batch(aws: Sandbox) -> Iterator[Batch]:
    """Batch of a region that only one test uses."""
    with one_queue(aws, f"sa-test-{next(_NUMBERS)}", vcpus=2) as made:
        yield made


def test_jobs_wait_for_vcpus(batch: Batch) -> None:
    """Two of one vCPU run on an environment of two, the third is RUNNABLE."""
    ids = [batch.submit("sleep 30") for _ in range(3)]
    for job_id in ids[:2]:
        batch.wait(job_id, "RUNNING")
    assert batch.job(ids[2])["status"] == "RUNNABLE"
    front = batch.client.get_job_queue_snapshot(jobQueue="queue")["frontOfQueue"]["jobs"]
    assert [job["jobArn"] for job in front] == [batch.job(ids[2])["jobArn"]]
    batch.client.terminate_jobs(jobs=ids[:1], reason="room")
    batch.wait(ids[2], "RUNNING")
    batch.client.terminate_jobs(jobs=ids[1:], reason="done")


def test_more_vcpus_let_waiting_jobs_start(batch: Batch) -> None:
    """UpdateComputeEnvironment is seen at once."""
    ids = [batch.submit("sleep 30") for _ in range(3)]
    assert batch.job(ids[2])["status"] == "RUNNABLE"
    batch.client.update_compute_environment(computeEnvironment="environment", computeResources={"maxvCpus": 3})
    batch.wait(ids[2], "RUNNING")
    batch.client.terminate_jobs(jobs=ids, reason="done")


def test_a_job_that_can_never_fit_says_so(batch: Batch) -> None:
    """It stays RUNNABLE with AWS's reason, until it is cancelled."""
    job_id = batch.submit(definition={"vcpus": 16})
    assert "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT" in batch.job(job_id)["statusReason"]
    batch.client.cancel_job(jobId=job_id, reason="hopeless")
    assert batch.job(job_id)["status"] == "FAILED"
    assert batch.wait(batch.submit())["status"] == "SUCCEEDED"


def test_the_queue_with_the_higher_priority_is_served_first(batch: Batch) -> None:
    """When they share an environment."""
    batch.add_queue("urgent", "environment", priority=10)
    running = [batch.submit("sleep 30") for _ in range(2)]
    later, sooner = batch.submit("sleep 30"), batch.submit("sleep 30", queue="urgent")
    batch.client.terminate_jobs(jobs=running[:1], reason="room")
    batch.wait(sooner, "RUNNING")
    assert batch.job(later)["status"] == "RUNNABLE"
    batch.client.terminate_jobs(jobs=[*running, later, sooner], reason="done")


def test_a_queue_that_is_disabled_takes_no_jobs(batch: Batch) -> None:
    """What it has goes on."""
    arn = batch.define("true")
    batch.client.update_job_queue(jobQueue="queue", state="DISABLED")
    with pytest.raises(batch.client.exceptions.ClientException, match="not in an ENABLED state"):
        batch.client.submit_job(jobName="job", jobQueue="queue", jobDefinition=arn)


def test_what_is_enabled_or_in_use_cannot_be_deleted(batch: Batch) -> None:
    """A queue when it is disabled, an environment when no queue uses it; jobs of the queue are ended."""
    job_id = batch.submit("sleep 30")
    refused = batch.client.exceptions.ClientException
    with pytest.raises(refused, match="still enabled"):
        batch.client.delete_job_queue(jobQueue="queue")
    batch.client.update_compute_environment(computeEnvironment="environment", state="DISABLED")
    with pytest.raises(refused, match="JobQueue relationship"):
        batch.client.delete_compute_environment(computeEnvironment="environment")
    batch.client.update_job_queue(jobQueue="queue", state="DISABLED")
    batch.client.delete_job_queue(jobQueue="queue")
    assert batch.wait(job_id)["statusReason"] == "Job Queue was deleted"
    batch.client.delete_compute_environment(computeEnvironment="environment")
    assert batch.client.describe_compute_environments()["computeEnvironments"] == []


def test_an_environment_without_its_subnet_is_invalid(batch: Batch) -> None:
    """And no queue can use it."""
    resources = {"type": "FARGATE", "maxvCpus": 1, "subnets": ["subnet-0"], "securityGroupIds": []}
    batch.client.create_compute_environment(computeEnvironmentName="bad", type="MANAGED", computeResources=resources)
    found = batch.client.describe_compute_environments(computeEnvironments=["bad"])["computeEnvironments"][0]
    assert found["status"] == "INVALID"
    assert "subnet-0" in found["statusReason"]
    with pytest.raises(batch.client.exceptions.ClientException, match="VALID"):
        batch.add_queue("other", "bad")


def test_instances_need_a_profile_that_exists(batch: Batch) -> None:
    """Without one the request is refused; with one that is not there the environment is INVALID."""
    resources = {"type": "SPOT", "maxvCpus": 1, "minvCpus": 0, "instanceTypes": ["default_x86_64"], **batch.network}
    create = functools.partial(batch.client.create_compute_environment, type="MANAGED")
    with pytest.raises(batch.client.exceptions.ClientException, match="instanceRole"):
        create(computeEnvironmentName="none", computeResources=resources)
    create(computeEnvironmentName="missing", computeResources={**resources, "instanceRole": "no-such-profile"})
    found = batch.client.describe_compute_environments(computeEnvironments=["missing"])["computeEnvironments"][0]
    assert (found["status"], "no-such-profile" in found["statusReason"]) == ("INVALID", True)


def test_definitions_have_revisions(batch: Batch) -> None:
    """A name means the newest active one."""
    first, second = batch.define("exit 1"), batch.define("exit 2")
    batch.client.deregister_job_definition(jobDefinition=second)
    job_id = batch.client.submit_job(jobName="job", jobQueue="queue", jobDefinition="definition")["jobId"]
    assert batch.wait(job_id)["jobDefinition"] == first
    with pytest.raises(batch.client.exceptions.ClientException, match="does not exist"):
        batch.client.submit_job(jobName="job", jobQueue="queue", jobDefinition=second)


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({"jobQueue": "missing"}, "does not exist"),
        ({"arrayProperties": {"size": 1}}, "between 2 and 10000"),
        ({"retryStrategy": {"attempts": 11}}, "between 1 and 10"),
        ({"dependsOn": [{"jobId": "none"}]}, "does not exist"),
    ],
)
def test_what_aws_refuses_is_refused(batch: Batch, request_: dict[str, object], words: str) -> None:
    """With a ClientException."""
    request = {"jobName": "job", "jobQueue": "queue", "jobDefinition": batch.define("true"), **request_}
    with pytest.raises(batch.client.exceptions.ClientException, match=words):
        batch.client.submit_job(**request)


def test_more_submissions_than_aws_takes_are_throttled(batch: Batch) -> None:
    """50 a second: what a client sends in a burst comes back as TooManyRequestsException at some point."""
    arn = batch.define("true")
    batch.client.update_compute_environment(computeEnvironment="environment", state="DISABLED")
    codes = []
    for _ in range(200):
        try:
            batch.client.submit_job(jobName="job", jobQueue="queue", jobDefinition=arn)
        except batch.client.exceptions.ClientError as exc:
            codes.append(exc.response["Error"]["Code"])
            break
    assert codes == ["TooManyRequestsException"]


def test_lists_are_paged_and_filtered(batch: Batch) -> None:
    """By state, or by filters."""
    arn = batch.define("true")
    for number in range(5):
        batch.client.submit_job(jobName=f"job-{number}", jobQueue="queue", jobDefinition=arn)
    wait_until(lambda: len(batch.client.list_jobs(jobQueue="queue", jobStatus="SUCCEEDED")["jobSummaryList"]) == 5)
    first = batch.client.list_jobs(jobQueue="queue", jobStatus="SUCCEEDED", maxResults=3)
    rest = batch.client.list_jobs(jobQueue="queue", jobStatus="SUCCEEDED", maxResults=3, nextToken=first["nextToken"])
    assert (len(first["jobSummaryList"]), len(rest["jobSummaryList"]), rest.get("nextToken")) == (3, 2, None)
    named = batch.client.list_jobs(jobQueue="queue", filters=[{"name": "JOB_NAME", "values": ["job-3"]}])["jobSummaryList"]
    assert [job["jobName"] for job in named] == ["job-3"]


def test_tags_of_a_queue(batch: Batch) -> None:
    """TagResource, ListTagsForResource, UntagResource."""
    arn = batch.client.describe_job_queues(jobQueues=["queue"])["jobQueues"][0]["jobQueueArn"]
    batch.client.tag_resource(resourceArn=arn, tags={"a": "1", "b": "2"})
    batch.client.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert batch.client.list_tags_for_resource(resourceArn=arn)["tags"] == {"b": "2"}


def test_jobs_go_on_while_their_environment_gets_other_instances(batch: Batch) -> None:
    """It is UPDATING until those that were there before are over; what is submitted meanwhile runs on new instances."""
    before = batch.submit("sleep 60", definition={"name": "before"})
    batch.wait(before, "RUNNING")
    resources = {"instanceTypes": ["c5"], "updateToLatestImageVersion": True}
    batch.client.update_compute_environment(computeEnvironment="environment", computeResources=resources)
    assert batch.wait(batch.submit())["status"] == "SUCCEEDED"
    assert (_status(batch), batch.job(before)["status"]) == ("UPDATING", "RUNNING")
    batch.client.terminate_job(jobId=before, reason="enough")
    batch.wait(before)
    assert _status(batch) == "VALID"


def test_a_deleted_environment_takes_its_instances_along(batch: Batch) -> None:
    """What runs on them is lost, as on AWS."""
    batch.add_environment("other", 2)
    job = batch.submit("sleep 60")
    batch.wait(job, "RUNNING")
    batch.client.update_job_queue(jobQueue="queue", computeEnvironmentOrder=[{"order": 1, "computeEnvironment": "other"}])
    batch.client.update_compute_environment(computeEnvironment="environment", state="DISABLED")
    assert batch.job(job)["status"] == "RUNNING"
    batch.client.delete_compute_environment(computeEnvironment="environment")
    assert batch.wait(job)["statusReason"].startswith("Host EC2")


def _status(batch: Batch) -> str:
    return str(batch.client.describe_compute_environments()["computeEnvironments"][0]["status"])
