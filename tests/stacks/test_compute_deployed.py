"""Clusters and definitions on the sandbox: made, used by a job, changed in place or by something new, deleted."""

import json
import sys
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from cyclone_core import naming
from cyclone_core.infra.synth import Synthesizer
from cyclone_core.infra.targets import Place, Target
from tests.aws import Sandbox, wait_until
from tests.stacks.bodies import ACCOUNT, body, cluster, definition, target


class Deployed:
    """Stacks in one region of a sandbox."""

    def __init__(self, aws: Sandbox, synthesizer: Synthesizer, region: str, host: str) -> None:
        account = aws.client("sts", region).get_caller_identity()["Account"]
        self.place = Place(host, account, region)
        self.batch: Any = aws.client("batch", region)
        self.logs: Any = aws.client("logs", region)
        self.cloudformation: Any = aws.client("cloudformation", region)
        self._synthesizer = synthesizer
        self._made: list[str] = []

    def put(self, kind: str, of: dict[str, Any]) -> None:
        """Make a resource's stack, or change it."""
        wanted: Target = target(kind, of, self.place.main_region, self.place)
        self.apply(wanted.stack, self._synthesizer.templates([wanted])[wanted.key].body)

    def apply(self, stack: str, template: Any) -> None:
        """By a change set; it has to succeed."""
        kind = "UPDATE" if stack in self._made else "CREATE"
        names = {"StackName": stack, "ChangeSetName": f"changes-{uuid.uuid4()}"}
        capabilities = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"]
        text = json.dumps(template)
        self.cloudformation.create_change_set(**names, ChangeSetType=kind, TemplateBody=text, Capabilities=capabilities)
        wait_until(lambda: self.cloudformation.describe_change_set(**names)["Status"] == "CREATE_COMPLETE")
        self.cloudformation.execute_change_set(**names)
        self._made.append(stack)
        wait_until(lambda: not self.state(stack).endswith("_IN_PROGRESS"))
        events = self.cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
        assert self.state(stack) == f"{kind}_COMPLETE", [each.get("ResourceStatusReason") for each in events]

    def state(self, stack: str) -> str:
        """Of a stack."""
        return str(self.cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"])

    def queue(self) -> Any:
        """The cluster's job queue."""
        return self.batch.describe_job_queues(jobQueues=[naming.job_queue(self.place.host, "default")])["jobQueues"][0]

    def run(self, command: list[str]) -> Any:
        """A job of the definition in the cluster's queue, once it is over."""
        names = {
            "jobQueue": naming.job_queue(self.place.host, "default"),
            "jobDefinition": naming.job_definition(self.place.host, "default"),
        }
        job_id = self.batch.submit_job(jobName="tried", **names, containerOverrides={"command": command})["jobId"]
        over = ("SUCCEEDED", "FAILED")
        return wait_until(lambda: job if (job := self.batch.describe_jobs(jobs=[job_id])["jobs"][0])["status"] in over else None)

    def printed(self, group: str, stream: str) -> list[str]:
        """What a job that is over wrote to its log."""
        names = {"logGroupName": group, "logStreamName": stream}
        wait_until(lambda: self.logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=stream)["logStreams"])
        return [event["message"] for event in self.logs.get_log_events(**names)["events"]]

    def environments(self) -> dict[str, Any]:
        """Compute environments that the cluster's queue has, by ARN, in its order."""
        arns = [entry["computeEnvironment"] for entry in self.queue()["computeEnvironmentOrder"]]
        found = self.batch.describe_compute_environments()["computeEnvironments"]
        ours = [each for each in found if f"/{self.place.host.capitalize()}Default" in each["computeEnvironmentArn"]]
        by_arn = {each["computeEnvironmentArn"]: each["computeResources"] for each in ours}
        used = [entry for queue in self.batch.describe_job_queues()["jobQueues"] for entry in queue["computeEnvironmentOrder"]]
        assert set(by_arn) <= {entry["computeEnvironment"] for entry in used}, "others are left"
        return {arn: by_arn[arn] for arn in arns}

    def delete(self) -> None:
        """Everything, the network last."""
        for stack in reversed(list(dict.fromkeys(self._made))):
            self.cloudformation.delete_stack(StackName=stack)
            wait_until(lambda stack=stack: stack not in self._there())

    def _there(self) -> list[str]:
        found = self.cloudformation.list_stacks()["StackSummaries"]
        return [each["StackName"] for each in found if each["StackStatus"] != "DELETE_COMPLETE"]


@pytest.fixture
def deployed(aws: Sandbox, region: str, synthesizer: Synthesizer) -> Iterator[Deployed]:
    """A region with its network."""
    found = Deployed(aws, synthesizer, region, "grid")
    found.put("region", body("region", region, cidr="10.7.0.0/16", subnet_config="PUBLIC"))
    yield found
    found.delete()


_TRIES = """
import boto3, botocore.exceptions, os
print(os.environ["GREETING"], os.environ["CYCLONE_HOST"], os.environ["CYCLONE_REGION"])
sqs, s3 = boto3.client("sqs"), boto3.client("s3")
for call, arguments in (
    (sqs.receive_message, {"QueueUrl": os.environ["OURS"]}),
    (sqs.receive_message, {"QueueUrl": os.environ["THEIRS"]}),
    (s3.put_object, {"Bucket": os.environ["BUCKET"], "Key": "outputs/1", "Body": b"x"}),
    (s3.delete_object, {"Bucket": os.environ["BUCKET"], "Key": "outputs/1"}),
):
    try:
        call(**arguments)
        print("allowed")
    except botocore.exceptions.ClientError as exc:
        print(exc.response["Error"]["Code"])
"""


def test_a_job_runs_under_its_role(aws: Sandbox, deployed: Deployed) -> None:
    """In the cluster's queue, with the definition's variables; it may take its host's work and write its files, and no more."""
    region, bucket = deployed.place.main_region, naming.data_bucket("grid", deployed.place.account, deployed.place.main_region)
    sqs = aws.client("sqs", region)
    ours, theirs = (sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("grid--normal", "grid-two--normal"))
    aws.client("s3", region).create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": region})
    deployed.put("cluster", cluster(max_vcpus=8, compute_envs=1))
    deployed.put("definition", definition(environment={"GREETING": "hello", "OURS": ours, "THEIRS": theirs, "BUCKET": bucket}))
    job = deployed.run([sys.executable, "-c", _TRIES])
    assert job["status"] == "SUCCEEDED"
    printed = [f"hello grid {region}", "allowed", "AccessDenied", "allowed", "AccessDenied"]
    group = naming.log_group("grid", "default")
    assert deployed.printed(group, job["container"]["logStreamName"]) == printed


def test_more_vcpus_come_in_place(deployed: Deployed) -> None:
    """The environments are the same; where more fit, others come after them."""
    listed = ("c6i", "m6i")
    deployed.put("cluster", cluster(max_vcpus=40, compute_envs=2, instance_list=listed))
    before = deployed.environments()
    deployed.put("cluster", cluster(max_vcpus=101, compute_envs=3, instance_list=listed))
    after = deployed.environments()
    assert list(after)[:2] == list(before)
    assert [each["maxvCpus"] for each in before.values()] == [20, 20]
    assert [each["maxvCpus"] for each in after.values()] == [34, 34, 33]
    assert [each["instanceTypes"] for each in after.values()] == [["c6i", "m6i"]] * 3


@pytest.mark.parametrize("other", [{"type": "ONDEMAND"}, {"allocation_strategy": "BEST_FIT"}])
def test_other_instances_come_in_new_environments(deployed: Deployed, other: dict[str, str]) -> None:
    """In the same queue; and back again."""
    deployed.put("cluster", cluster(max_vcpus=64, compute_envs=2))
    before, queue = deployed.environments(), deployed.queue()["jobQueueArn"]
    deployed.put("cluster", cluster(max_vcpus=64, compute_envs=2, **other))
    between = deployed.environments()
    assert not {*before} & {*between}
    assert {each["type"] for each in between.values()} == {"EC2" if "type" in other else "SPOT"}
    assert {"spotIamFleetRole" in each for each in between.values()} == {"type" not in other}
    deployed.put("cluster", cluster(max_vcpus=64, compute_envs=2))
    assert deployed.queue()["jobQueueArn"] == queue


def test_a_changed_definition_is_a_new_revision(deployed: Deployed) -> None:
    """The one before is not offered any more."""
    deployed.put("definition", definition(vcpus=1))
    deployed.put("definition", definition(vcpus=2, log_driver="SYSLOG", image_uri=f"{ACCOUNT}.dkr.ecr._REGION_.amazonaws.com/own:1"))
    found = deployed.batch.describe_job_definitions(status="ACTIVE")["jobDefinitions"]
    assert [(each["jobDefinitionName"], each["revision"]) for each in found] == [("grid--default", 2)]
    properties = found[0]["containerProperties"]
    assert properties["image"] == f"{ACCOUNT}.dkr.ecr.{deployed.place.main_region}.amazonaws.com/own:1"
    assert properties["resourceRequirements"][0] == {"type": "VCPU", "value": "2"}
    assert deployed.logs.describe_log_groups(logGroupNamePrefix="/cyclone/grid/definition")["logGroups"] == []
