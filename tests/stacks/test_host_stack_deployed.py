"""A host on the sandbox: its region's bootstrap, its control plane, and what its function sees of clusters that come and go."""

import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from cyclone_core import jobs, naming
from cyclone_core.aws.lean.client import Aws
from cyclone_core.aws.lean.credentials import Credentials
from cyclone_core.infra import bootstrap
from cyclone_core.infra.synth import Synthesizer
from cyclone_core.infra.targets import Place, Target
from cyclone_core.jobs import JobRequest
from cyclone_core.scheduler.dynamo import keys, totals
from cyclone_core.scheduler.dynamo.bucket import Bucket
from cyclone_core.scheduler.dynamo.ids import MemoryIds
from cyclone_core.scheduler.dynamo.queues import Lanes
from cyclone_core.scheduler.dynamo.records import Records
from cyclone_core.scheduler.dynamo.table import Table
from cyclone_core.scheduler.dynamo.unit_store import UnitStore
from cyclone_core.scheduler.dynamo.values import pack
from tests.aws import Sandbox, wait_until
from tests.sandbox.conftest import Stack, attribute, resource
from tests.stacks.bodies import body, cluster, definition

MAIN = "ap-southeast-2"
Document = Mapping[str, Any]


class Deployed:
    """A host's stacks in one region."""

    def __init__(self, aws: Sandbox, synthesizer: Synthesizer) -> None:
        account = aws.client("sts", MAIN).get_caller_identity()["Account"]
        self.place, self._aws, self._synthesizer = Place("seen", account, MAIN), aws, synthesizer

    def client(self, service: str) -> Any:
        """Of the account's root, in the main region."""
        return self._aws.client(service, MAIN)

    def stack(self, name: str) -> Stack:
        """One by its name."""
        return Stack(self.client("cloudformation"), name)

    def apply(self, name: str, template: Document) -> None:
        """Make a stack; it has to succeed."""
        made = self.stack(name)
        made.cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_NAMED_IAM"])
        assert made.wait() == "CREATE_COMPLETE", made.reasons()

    def put(self, kind: str, of: Mapping[str, Any]) -> str:
        """Make a resource's stack, with its files uploaded before; its name."""
        target = Target(self.place, MAIN, kind, str(of["name"]), {"body": of, "record": True, "peer": None})
        template = self._synthesizer.templates([target])[target.key]
        for asset in template.assets:
            content = Path(asset.path).read_bytes()
            self.client("s3").put_object(Bucket=bootstrap.bucket(self.place.account, MAIN), Key=asset.key, Body=content)
        self.apply(target.stack, template.body)
        return target.stack

    def network(self) -> None:
        """What a region's stack offers, and its record, from nothing but a VPC."""
        made = {"subnets": attribute("One", "SubnetId"), "security-group": attribute("Group", "GroupId")}
        template = {
            "Vpc": resource("EC2::VPC", CidrBlock="10.7.0.0/16"),
            "One": resource("EC2::Subnet", VpcId={"Ref": "Vpc"}, CidrBlock="10.7.0.0/24"),
            "Group": resource("EC2::SecurityGroup", VpcId={"Ref": "Vpc"}, GroupDescription="workers"),
            "Record": resource("SSM::Parameter", Type="String", Name=naming.record(self.place.host, "region", MAIN), Value="{}"),
        }
        exports = {
            name.title().replace("-", ""): {"Value": value, "Export": {"Name": naming.export(self.place.host, name)}}
            for name, value in made.items()
        }
        self.apply(naming.stack(self.place.host, "region"), {"Resources": template, "Outputs": exports})

    def look(self) -> Document:
        """What the health function sees now."""
        answer = self.client("lambda").invoke(FunctionName=naming.function(self.place.host, "health"))
        found: Document = json.load(answer["Payload"])
        assert "FunctionError" not in answer, found
        return found

    def delete(self, name: str) -> None:
        """Delete a stack and wait."""
        self.client("cloudformation").delete_stack(StackName=name)
        wait_until(lambda: not self.stack_names() & {name})

    def stack_names(self) -> set[str]:
        """Of the stacks that are there."""
        return {each["StackName"] for each in self.client("cloudformation").describe_stacks()["Stacks"]}


@pytest.fixture(scope="module")
def deployed(aws: Sandbox, synthesizer: Synthesizer) -> Iterator[Deployed]:
    """A bootstrapped region with a control plane, a network and a cluster."""
    made = Deployed(aws, synthesizer)
    made.apply(bootstrap.STACK, bootstrap.template())
    made.put("host", {**body("queue", "seen"), "enable_dashboard": True})
    made.network()
    made.put("cluster", cluster("small"))
    yield made
    for name in (*(naming.stack("seen", "cluster", each) for each in ("small",)), naming.stack("seen", "region")):
        made.delete(name)
    made.delete(naming.stack("seen", "host"))


def test_the_function_sees_that_all_is_well(deployed: Deployed) -> None:
    """Table, dead letters, queue and environments of each cluster that is recorded, with the rights that its role has."""
    found = deployed.look()
    assert found["healthy"] is True, found
    assert found["table"] == {"status": "ACTIVE"}
    assert found["dead_letters"] == {"count": 0, "oldest_s": None}
    assert [(each["name"], each["state"], each["status"]) for each in found["regions"][MAIN]["queues"]] == [
        ("seen--small", "ENABLED", "VALID")
    ]
    assert {each["cluster"] for each in found["regions"][MAIN]["environments"]} == {"small"}


def test_its_numbers_are_in_its_log(deployed: Deployed) -> None:
    """In the format that CloudWatch makes metrics of."""
    deployed.look()
    group = "/cyclone/seen/function/health"
    messages = [each["message"] for each in deployed.client("logs").filter_log_events(logGroupName=group)["events"]]
    lines = [json.loads(message) for message in messages if message.startswith('{"_aws"')]
    of_host = next(line for line in lines if "Region" not in line)
    assert (of_host["Host"], of_host["Healthy"], of_host["DeadLetters"]) == ("seen", 1, 0)
    (directive,) = of_host["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "Cyclone"
    assert {metric["Name"] for metric in directive["Metrics"]} == {"Healthy", "DeadLetters"}
    assert {line["Region"]: line["Ailing"] for line in lines if "Region" in line} == {MAIN: 0}


def test_a_dead_letter_is_no_health(deployed: Deployed) -> None:
    """Until somebody has dealt with it."""
    sqs = deployed.client("sqs")
    url = sqs.get_queue_url(QueueName="seen--dead-letters")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="what nobody could handle")
    found = deployed.look()
    sqs.purge_queue(QueueUrl=url)
    assert (found["healthy"], found["dead_letters"]["count"]) == (False, 1)


def test_a_queue_that_somebody_took_away_is_missed(deployed: Deployed) -> None:
    """It is recorded, and not there."""
    deployed.client("ssm").put_parameter(Name=naming.record("seen", "cluster", "other"), Type="String", Value="{}")
    found = deployed.look()
    deployed.client("ssm").delete_parameter(Name=naming.record("seen", "cluster", "other"))
    assert found["healthy"] is False
    assert [each["status"] for each in found["regions"][MAIN]["queues"] if each["cluster"] == "other"] == ["MISSING"]


def test_a_region_that_cannot_be_seen_hides_no_other(deployed: Deployed) -> None:
    """What is wrong there is said."""
    deployed.client("ssm").put_parameter(Name=naming.record("seen", "region", "mars-north-1"), Type="String", Value="{}")
    found = deployed.look()
    deployed.client("ssm").delete_parameter(Name=naming.record("seen", "region", "mars-north-1"))
    assert found["regions"][MAIN]["queues"]
    assert set(found["regions"]) == {MAIN, "mars-north-1"}


def test_the_table_takes_items_and_lists_them(deployed: Deployed) -> None:
    """Only those with an index's keys are in it."""
    table = {"TableName": naming.jobs_table("seen")}
    dynamodb = deployed.client("dynamodb")
    dynamodb.put_item(**table, Item={"pk": {"S": "job"}, "sk": {"S": "1"}, "due": {"S": "0"}, "due_at": {"N": "5"}})
    dynamodb.put_item(**table, Item={"pk": {"S": "job"}, "sk": {"S": "2"}})
    values = {":shard": {"S": "0"}, ":now": {"N": "9"}}
    names = {"#due": "due"}
    due = dynamodb.query(
        **table, IndexName="due", KeyConditionExpression="#due = :shard AND due_at < :now",
        ExpressionAttributeNames=names, ExpressionAttributeValues=values,
    )  # fmt: skip
    assert [item["sk"]["S"] for item in due["Items"]] == ["1"]


def _scale(deployed: Deployed, event: Document) -> Document:
    """What the scaler did."""
    function = naming.function("seen", "scaler")
    found: Document = json.load(deployed.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event))["Payload"])
    return found


def test_the_scaler_asks_for_workers_and_ends_them_with_the_rights_of_its_role(deployed: Deployed) -> None:
    """Three tasks wait: three workers are asked for. Those of a request that did not start, and that nobody wants, are ended."""
    batch, dynamodb, table = deployed.client("batch"), deployed.client("dynamodb"), {"TableName": naming.jobs_table("seen")}
    deployed.put("definition", definition("wide", vcpus=4))
    deployed.put("queue", body("queue", "work", cluster="small"))
    environments = [each["computeEnvironmentName"] for each in batch.describe_compute_environments()["computeEnvironments"]]
    count = totals.key(("work", "wide"), 0)
    item = {"pk": {"S": count[0]}, "sk": {"S": count[1]}, "c0": {"N": "3"}}
    dynamodb.put_item(**table, Item=item)
    found = _scale(deployed, {"asked": "a test"})
    assert (found["did"], found["asked"], found["closed"]) == ("looked", {MAIN: 3}, {}), found
    for name in environments:
        batch.update_compute_environment(computeEnvironment=name, state="DISABLED")
    names = {"jobQueue": "seen--small", "jobDefinition": "seen--wide"}
    waiting = batch.submit_job(jobName="early", **names, arrayProperties={"size": 2})["jobId"]
    asked = {"definition": "wide", "workers": 2, "vcpus": 4, "at": int((time.time() - 600) * 1000), "batch": waiting}
    dynamodb.put_item(**table, Item=pack({"pk": keys.FLEET, "sk": f"small#{MAIN}#early", "body": json.dumps(asked)}))
    dynamodb.put_item(**table, Item={**item, "c0": {"N": "0"}})
    found = _scale(deployed, {})
    for name in environments:
        batch.update_compute_environment(computeEnvironment=name, state="ENABLED")
    assert (found["did"], found["asked"], found["ended"]) == ("looked", {}, 2), found
    assert found["closed"] == {MAIN: "no compute environment of job queue seen--small can start instances: they are disabled"}
    assert batch.describe_jobs(jobs=[waiting])["jobs"][0]["status"] == "FAILED"
    for kind, name in (("queue", "work"), ("definition", "wide")):
        deployed.delete(naming.stack("seen", kind, name))


class Engine:
    """What a submitter has of a host, and what a worker sees of it."""

    def __init__(self, client: Aws) -> None:
        self.table, self.lanes = Table(client, naming.jobs_table("seen")), Lanes(client, "seen")
        self._bodies = Records(client, "seen").bodies()
        self._store = UnitStore(self.table, Bucket(client, "none"), MemoryIds(self.table))

    def submit(self) -> int:
        """A single job."""
        request = JobRequest(script=b"true\n", name="test", queue="later", definition="narrow", user="ada")
        return self._store.submit(request, self._bodies, int(time.time() * 1000))

    def counts(self, number: int) -> list[int]:
        """Numbers of its tasks by state."""
        found = self.table.get(keys.job(number), consistent=True)
        assert found is not None
        return list(found["c"])


@pytest.fixture(scope="module")
def narrow(deployed: Deployed, aws: Sandbox) -> Iterator[Engine]:
    """A lane without workers, and the way to its table."""
    deployed.put("definition", definition("narrow"))
    deployed.put("queue", body("queue", "later", cluster="small", region_distribution_weights={MAIN: 0}))
    client = Aws(MAIN, lambda: Credentials(aws.key, aws.secret), aws.endpoint)
    yield Engine(client)
    client.close()


def test_a_job_becomes_a_message_and_is_counted(deployed: Deployed, narrow: Engine) -> None:
    """By functions with the rights of their roles, one of which makes the message queue; the reconciler finds nothing to mend."""
    number = narrow.submit()
    (message,) = wait_until(lambda: narrow.lanes.receive("small", "narrow", 1, wait_s=1))
    assert (message.job, message.low) == (number, 0)
    assert wait_until(lambda: totals.lanes(narrow.table).get(("later", "narrow"))) == (1, 0, 0, 0, 0, 0)
    told = json.load(deployed.client("lambda").invoke(FunctionName=naming.function("seen", "reconciler"))["Payload"])
    assert (told["errors"], told["sent"]) == ([], 0)


def test_a_message_that_nobody_takes_on_ends_its_job(narrow: Engine) -> None:
    """Delivered twenty times it is a dead letter, and their queue wakes the function that says so."""
    number = narrow.submit()

    def ended() -> bool:
        narrow.lanes.receive("small", "narrow", 1, visibility_s=0)
        return narrow.counts(number)[jobs.ERROR] == 1

    wait_until(ended)
