"""Jobs of AWS Batch on the sandbox: they really run."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cyclone_core.operations.sandbox import Faults, Starvation
from tests.sandbox.batch import Batch, one_queue
from tests.sandbox.conftest import Sandbox, wait_until


@pytest.fixture(scope="module")
def batch(aws: Sandbox) -> Iterator[Batch]:
    """Batch of a region of these tests."""
    with one_queue(aws, "us-east-2") as made:
        yield made


def test_a_job_runs_its_command_and_its_output_is_in_the_log(batch: Batch) -> None:
    """SUCCEEDED with times, an exit code and a log stream."""
    job_id = batch.submit("echo hello; echo there >&2")
    job = batch.wait(job_id)
    assert (job["status"], job["statusReason"]) == ("SUCCEEDED", "Essential container in task exited")
    assert job["createdAt"] <= job["startedAt"] <= job["stoppedAt"]
    assert job["container"]["exitCode"] == 0
    assert batch.printed(job_id) == ["hello", "there"]


def test_a_child_of_an_array_knows_its_index(batch: Batch) -> None:
    """Every index once, in AWS_BATCH_JOB_ARRAY_INDEX; children are ID:n."""
    job_id = batch.submit("echo $AWS_BATCH_JOB_ARRAY_INDEX of $AWS_BATCH_JOB_ARRAY_SIZE in $AWS_BATCH_JOB_ID", arrayProperties={"size": 5})
    parent = batch.wait(job_id)
    assert parent["arrayProperties"] == {"size": 5, "statusSummary": {**dict.fromkeys(_ALL, 0), "SUCCEEDED": 5}}
    for index in range(5):
        assert batch.printed(f"{job_id}:{index}") == [f"{index} of 5 in {job_id}:{index}"]


_ALL = ("SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED", "FAILED")


def test_an_array_fails_with_one_of_its_children(batch: Batch) -> None:
    """The others go on; which one failed can be listed."""
    job_id = batch.submit("exit $((AWS_BATCH_JOB_ARRAY_INDEX == 1 ? 7 : 0))", arrayProperties={"size": 3})
    assert batch.wait(job_id)["status"] == "FAILED"
    failed = batch.client.list_jobs(arrayJobId=job_id, jobStatus="FAILED")["jobSummaryList"]
    assert [(job["arrayProperties"]["index"], job["container"]["exitCode"]) for job in failed] == [(1, 7)]


def test_overrides_and_parameters_reach_the_job(batch: Batch) -> None:
    """Environment by name, command and parameters of the submission."""
    environment = [{"name": "A", "value": "definition"}, {"name": "B", "value": "definition"}]
    arn = batch.define("false", container={"environment": environment}, parameters={"who": "nobody"})
    overrides = {"command": ["bash", "-c", "echo $A $B Ref::who"], "environment": [{"name": "B", "value": "job"}]}
    answer = batch.client.submit_job(
        jobName="job", jobQueue="queue", jobDefinition=arn, containerOverrides=overrides, parameters={"who": "me"}
    )
    batch.wait(answer["jobId"])
    assert batch.printed(answer["jobId"]) == ["definition job me"]


def test_a_failed_attempt_is_tried_again(batch: Batch) -> None:
    """As often as the definition says; the attempts stay."""
    job_id = batch.submit('test "$AWS_BATCH_JOB_ATTEMPT" = 3', definition={"retryStrategy": {"attempts": 5}})
    job = batch.wait(job_id)
    assert job["status"] == "SUCCEEDED"
    assert [attempt["container"]["exitCode"] for attempt in job["attempts"]] == [1, 1, 0]


def test_rules_say_which_ends_are_tried_again(batch: Batch) -> None:
    """The first rule that fits decides."""
    rules = [{"onExitCode": "7*", "action": "RETRY"}, {"onReason": "*", "action": "EXIT"}]
    retry = {"attempts": 4, "evaluateOnExit": rules}
    again = batch.submit("exit 75", definition={"retryStrategy": retry})
    not_again = batch.submit("exit 1", definition={"retryStrategy": retry})
    assert (len(batch.wait(again)["attempts"]), len(batch.wait(not_again)["attempts"])) == (4, 1)


def test_an_attempt_that_takes_too_long_is_ended_and_not_tried_again(batch: Batch) -> None:
    """With AWS's reason, and with what it started."""
    started = time.monotonic()
    job_id = batch.submit("sleep 60 & sleep 60", definition={"timeout": {"attemptDurationSeconds": 1}, "retryStrategy": {"attempts": 3}})
    job = batch.wait(job_id)
    assert (job["status"], job["statusReason"], len(job["attempts"])) == ("FAILED", "Job attempt duration exceeded timeout", 1)
    assert time.monotonic() - started < 20


def test_terminating_ends_a_running_job_with_sigterm(batch: Batch) -> None:
    """It may finish within the grace time; the reason is the caller's."""
    job_id = batch.submit("trap 'echo leaving; exit 3' TERM; echo ready; sleep 60 & wait")
    batch.wait(job_id, "RUNNING")
    wait_until(lambda: batch.printed(job_id) == ["ready"])
    batch.client.terminate_job(jobId=job_id, reason="enough")
    job = batch.wait(job_id)
    assert (job["status"], job["statusReason"], job["container"]["exitCode"]) == ("FAILED", "enough", 3)
    assert batch.printed(job_id) == ["ready", "leaving"]


def test_a_job_that_loses_its_host_is_tried_again(batch: Batch, faults: Callable[[Faults], None]) -> None:
    """SIGTERM, AWS's reason in the attempt, and rules of retries that look for it."""
    retry = {"attempts": 3, "evaluateOnExit": [{"onStatusReason": "Host EC2*", "action": "RETRY"}, {"onReason": "*", "action": "EXIT"}]}
    script = 'test "$AWS_BATCH_JOB_ATTEMPT" = 2 && exit; trap "exit 5" TERM; sleep 60 & wait'
    job_id = batch.submit(script, definition={"retryStrategy": retry})
    batch.wait(job_id, "RUNNING")
    faults(Faults(interruptions=[(job_id, 1)]))
    job = batch.wait(job_id)
    assert (job["status"], len(job["attempts"])) == ("SUCCEEDED", 2)
    assert job["attempts"][0]["statusReason"].startswith("Host EC2")


def test_a_queue_without_capacity_holds_its_jobs_until_instances_come(batch: Batch, faults: Callable[[Faults], None]) -> None:
    """With AWS's reason; queues that are not starved, or are bought otherwise, go on."""
    batch.add_queue("other", "environment")
    faults(Faults(starved=[Starvation("us-east-2", "que*", "FARGATE"), Starvation("us-east-2", "other", "SPOT")]))
    job_id = batch.submit("true")
    assert batch.wait(batch.submit("true", "other"))["status"] == "SUCCEEDED"
    held = batch.job(job_id)
    assert (held["status"], held["statusReason"][:39]) == ("RUNNABLE", "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY")
    faults(Faults())
    assert batch.wait(job_id)["status"] == "SUCCEEDED"


def test_a_job_that_ignores_sigterm_is_killed(batch: Batch) -> None:
    """After the grace time, with exit code 137."""
    job_id = batch.submit("trap '' TERM; sleep 60")
    batch.wait(job_id, "RUNNING")
    batch.client.terminate_job(jobId=job_id, reason="now")
    assert batch.wait(job_id)["container"]["exitCode"] == 137


def test_what_a_job_leaves_running_ends_with_it(batch: Batch) -> None:
    """As in a container."""
    job_id = batch.submit("sleep 600 & echo $!")
    batch.wait(job_id)
    left = int(batch.printed(job_id)[0])
    wait_until(lambda: not Path(f"/proc/{left}/cmdline").exists() or not Path(f"/proc/{left}/cmdline").read_bytes())


def test_cancelling_leaves_a_running_job_alone(batch: Batch) -> None:
    """CancelJob succeeds and does nothing, as on AWS."""
    job_id = batch.submit("sleep 0.5")
    batch.wait(job_id, "RUNNING")
    batch.client.cancel_job(jobId=job_id, reason="too late")
    assert batch.wait(job_id)["status"] == "SUCCEEDED"


def test_a_command_that_is_not_there_fails_without_an_exit_code(batch: Batch) -> None:
    """With the reason in the attempt."""
    arn = batch.define("", container={"command": ["/no/such/command"]})
    job_id = batch.client.submit_job(jobName="job", jobQueue="queue", jobDefinition=arn)["jobId"]
    container = batch.wait(job_id)["attempts"][0]["container"]
    assert "exitCode" not in container
    assert "CannotStartContainerError" in container["reason"]


def test_a_job_waits_for_those_it_depends_on(batch: Batch) -> None:
    """PENDING until they succeeded; FAILED when one did not."""
    first, bad = batch.submit("sleep 0.5"), batch.submit("sleep 0.3; false")
    waits, fails = batch.submit(dependsOn=[{"jobId": first}]), batch.submit(dependsOn=[{"jobId": bad}])
    assert batch.job(waits)["status"] == "PENDING"
    assert batch.wait(waits)["startedAt"] >= batch.wait(first)["stoppedAt"]
    assert batch.wait(fails)["statusReason"] == "Dependent Job failed"


def test_a_job_has_the_credentials_of_its_role_and_no_others(aws: Sandbox, batch: Batch) -> None:
    """What its role may not do is refused; nothing of the user's home is seen."""
    iam = aws.client("iam", "us-east-1")
    trust = {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = iam.create_role(RoleName="job", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}))
    job_id = batch.submit("env; ls -A ~", definition={"container": {"jobRoleArn": role["Role"]["Arn"]}})
    batch.wait(job_id)
    seen = dict(line.split("=", 1) for line in batch.printed(job_id) if "=" in line)
    names = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
    credentials = {name: seen[name.upper()] for name in names}
    caller = aws.client("sts", "us-east-2", **credentials).get_caller_identity()
    assert caller["Arn"] == f"arn:aws:sts::123456789012:assumed-role/job/{job_id}"
    with pytest.raises(Exception, match="AccessDenied"):
        aws.client("sqs", "us-east-2", **credentials).list_queues()
    assert seen["AWS_ENDPOINT_URL"] == aws.endpoint
    assert aws.secret not in "".join(seen.values())


def test_a_role_that_does_not_trust_jobs_is_not_assumed(aws: Sandbox, batch: Batch) -> None:
    """The job fails with the reason, as tasks of ECS do."""
    trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = aws.client("iam", "us-east-1").create_role(RoleName="other", AssumeRolePolicyDocument=document)
    job = batch.wait(batch.submit(definition={"container": {"jobRoleArn": role["Role"]["Arn"]}}))
    assert "unable to assume the role" in job["attempts"][0]["container"]["reason"]
