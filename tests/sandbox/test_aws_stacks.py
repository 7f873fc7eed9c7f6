"""Stacks with the resource types that Cyclone needs, by change sets."""

import json
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from cyclone_core.operations.sandbox import Faults
from tests.sandbox.conftest import Sandbox, Stack, attribute, resource, wait_until

NETWORK = {
    "Vpc": resource("EC2::VPC", CidrBlock="10.7.0.0/16"),
    "Subnet": resource("EC2::Subnet", VpcId={"Ref": "Vpc"}, CidrBlock="10.7.0.0/24"),
    "Group": resource("EC2::SecurityGroup", VpcId={"Ref": "Vpc"}, GroupDescription="workers"),
}


def environment(**resources: Any) -> dict[str, Any]:
    """A compute environment in the network above."""
    network = {"Subnets": [{"Ref": "Subnet"}], "SecurityGroupIds": [{"Ref": "Group"}]}
    return resource("Batch::ComputeEnvironment", Type="managed", ComputeResources={"Type": "FARGATE", **network, **resources})


def queue(**properties: Any) -> dict[str, Any]:
    """A queue on it."""
    order = [{"Order": 1, "ComputeEnvironment": {"Ref": "Environment"}}]
    return resource("Batch::JobQueue", **{"Priority": 1, "ComputeEnvironmentOrder": order, **properties})


def definition(**properties: Any) -> dict[str, Any]:
    """A definition."""
    container = {"Image": "none", "Command": ["true"], "Environment": [{"Name": "A", "Value": "b"}]}
    return resource("Batch::JobDefinition", Type="container", ContainerProperties=container, Parameters={"Who": "me"}, **properties)


BATCH = {**NETWORK, "Environment": environment(MaxvCpus=2), "Queue": queue(), "Definition": definition()}


def test_a_stack_makes_a_batch_that_runs_jobs(aws: Sandbox, stack: Stack, region: str) -> None:
    """Environment, queue and definition; the user's words keep their letters."""
    assert stack.apply(BATCH, {"Queue": {"Ref": "Queue"}, "Definition": {"Ref": "Definition"}}) == "CREATE_COMPLETE"
    batch = aws.client("batch", region)
    found = batch.describe_job_definitions()["jobDefinitions"][0]
    assert (found["parameters"], found["containerProperties"]["environment"]) == ({"Who": "me"}, [{"name": "A", "value": "b"}])
    job = batch.submit_job(jobName="job", jobQueue=stack.output("Queue"), jobDefinition=stack.output("Definition"))
    wait_until(lambda: batch.describe_jobs(jobs=[job["jobId"]])["jobs"][0]["status"] == "SUCCEEDED")


def test_changes_are_made_in_place_or_by_a_new_resource(aws: Sandbox, stack: Stack, region: str) -> None:
    """More vCPUs and another priority in place; a definition gets a new revision; another type makes a new environment."""
    stack.apply(BATCH)
    before = {name: stack.physical_id(name) for name in ("Environment", "Queue", "Definition")}
    changed = {
        "Environment": environment(MaxvCpus=9),
        "Queue": queue(Priority=5),
        "Definition": definition(Timeout={"AttemptDurationSeconds": 90}),
    }
    assert stack.apply({**BATCH, **changed}) == "UPDATE_COMPLETE"
    assert stack.physical_id("Environment") == before["Environment"]
    assert stack.physical_id("Queue") == before["Queue"]
    assert stack.physical_id("Definition") == before["Definition"].removesuffix(":1") + ":2"
    batch = aws.client("batch", region)
    assert batch.describe_compute_environments()["computeEnvironments"][0]["computeResources"]["maxvCpus"] == 9
    assert [each["revision"] for each in batch.describe_job_definitions(status="ACTIVE")["jobDefinitions"]] == [2]
    assert stack.apply({**BATCH, **changed, "Environment": environment(MaxvCpus=9, Type="FARGATE_SPOT")}) == "UPDATE_COMPLETE"
    assert stack.physical_id("Environment") != before["Environment"]
    assert len(batch.describe_compute_environments()["computeEnvironments"]) == 1


def test_an_environment_that_is_not_to_be_replaced(aws: Sandbox, stack: Stack, region: str) -> None:
    """How it buys changes in place then; the role of its spot fleets never does. What is for updates only may be said from the start."""
    trust = {"Version": "2012-10-17", "Statement": []}
    roles = {
        "Role": resource("IAM::Role", AssumeRolePolicyDocument=trust),
        "Profile": resource("IAM::InstanceProfile", Roles=[{"Ref": "Role"}]),
    }
    instances = {"InstanceRole": attribute("Profile", "Arn"), "UpdateToLatestImageVersion": True}
    policy = {"UpdatePolicy": {"JobExecutionTimeoutMinutes": 5, "TerminateJobsOnUpdate": False}}
    arns = []
    for more in (
        {"Type": "SPOT", "BidPercentage": 50},
        {"Type": "EC2"},
        {"Type": "SPOT", "SpotIamFleetRole": attribute("Role", "Arn")},
    ):
        made = environment(MaxvCpus=2, **instances, **more)
        made["Properties"] |= {"ReplaceComputeEnvironment": False, **policy}
        stack.apply({**NETWORK, **roles, "Environment": made})
        arns.append(stack.physical_id("Environment"))
        found = aws.client("batch", region).describe_compute_environments(computeEnvironments=arns[-1:])["computeEnvironments"][0]
        assert found["computeResources"]["type"] == more["Type"]
    assert arns[0] == arns[1] != arns[2]


def test_a_change_set_says_what_is_replaced(stack: Stack) -> None:
    """A queue's name is one of those things; its priority is not."""
    stack.apply({**BATCH, "Queue": queue(JobQueueName="one")})
    names = {"StackName": stack.name, "ChangeSetName": "look"}
    for properties, replacement in (({"JobQueueName": "two"}, "True"), ({"JobQueueName": "one", "Priority": 3}, "False")):
        template = json.dumps({"Resources": {**BATCH, "Queue": queue(**properties)}})
        stack.cloudformation.create_change_set(**names, TemplateBody=template)
        described = wait_until(
            lambda: found if (found := stack.cloudformation.describe_change_set(**names))["Status"] == "CREATE_COMPLETE" else None
        )
        assert [change["ResourceChange"]["Replacement"] for change in described["Changes"]] == [replacement]
        stack.cloudformation.delete_change_set(**names)


def test_an_environment_that_is_invalid_fails_its_stack(stack: Stack) -> None:
    """With Batch's reason; everything is taken back."""
    template = {**NETWORK, "Environment": environment(MaxvCpus=2, Subnets=["subnet-0"])}
    assert stack.apply(template) == "ROLLBACK_COMPLETE"
    assert any("INVALID" in reason and "subnet-0" in reason for reason in stack.reasons())


def test_a_property_that_batch_does_not_know_fails_its_stack(stack: Stack) -> None:
    """What AWS's own description of the API refuses."""
    assert stack.apply({**NETWORK, "Environment": environment(MaxvCpus=2, Wrong=1)}) == "ROLLBACK_COMPLETE"
    assert any('Unknown parameter in computeResources: "wrong"' in reason for reason in stack.reasons())


def test_network_types(aws: Sandbox, stack: Stack, region: str) -> None:
    """Addresses, NAT gateways, flow logs, rules between groups, and the CIDR block of a VPC."""
    rule = {"GroupId": attribute("Group", "GroupId"), "IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}
    template = {
        **NETWORK,
        "Address": resource("EC2::EIP", Domain="vpc", Tags=[{"Key": "Name", "Value": "nat"}]),
        "Nat": resource("EC2::NatGateway", SubnetId={"Ref": "Subnet"}, AllocationId=attribute("Address", "AllocationId")),
        "Log": resource("Logs::LogGroup"),
        "Flow": resource("EC2::FlowLog", ResourceId={"Ref": "Vpc"}, ResourceType="VPC", TrafficType="ALL", LogGroupName={"Ref": "Log"}),
        "In": resource("EC2::SecurityGroupIngress", **rule, SourceSecurityGroupId=attribute("Group", "GroupId")),
        "Out": resource("EC2::SecurityGroupEgress", **rule, CidrIp="10.0.0.0/8"),
    }
    assert stack.apply(template, {"Block": attribute("Vpc", "CidrBlock"), "Nat": {"Ref": "Nat"}}) == "CREATE_COMPLETE"
    ec2 = aws.client("ec2", region)
    assert stack.output("Block") == "10.7.0.0/16"
    assert ec2.describe_nat_gateways()["NatGateways"][0]["NatGatewayId"] == stack.output("Nat")
    assert {"Key": "Name", "Value": "nat"} in ec2.describe_addresses()["Addresses"][0]["Tags"]
    assert len(ec2.describe_flow_logs()["FlowLogs"]) == 1
    group = ec2.describe_security_groups(GroupIds=[stack.physical_id("Group")])["SecurityGroups"][0]
    assert group["IpPermissions"][0]["UserIdGroupPairs"][0]["GroupId"] == stack.physical_id("Group")
    assert stack.apply(NETWORK) == "UPDATE_COMPLETE"
    assert (ec2.describe_addresses()["Addresses"], ec2.describe_flow_logs()["FlowLogs"]) == ([], [])
    assert [nat["State"] for nat in ec2.describe_nat_gateways()["NatGateways"]] == ["deleted"]


def test_peering_between_regions(aws: Sandbox, stack: Stack) -> None:
    """Active on both sides; networks that overlap are refused."""
    peer = aws.client("ec2", "ca-central-1")
    apart, over = (peer.create_vpc(CidrBlock=block)["Vpc"]["VpcId"] for block in ("10.8.0.0/16", "10.7.128.0/17"))
    peering = {"VpcId": {"Ref": "Vpc"}, "PeerRegion": "ca-central-1"}
    table = resource("EC2::RouteTable", VpcId={"Ref": "Vpc"})
    there = {"RouteTableId": {"Ref": "Table"}, "DestinationCidrBlock": "10.8.0.0/16", "VpcPeeringConnectionId": {"Ref": "Peering"}}
    template = {**NETWORK, "Table": table, "Route": resource("EC2::Route", **there)}
    good = {**template, "Peering": resource("EC2::VPCPeeringConnection", **peering, PeerVpcId=apart)}
    assert stack.apply(good) == "CREATE_COMPLETE"
    found = peer.describe_vpc_peering_connections()["VpcPeeringConnections"][0]
    assert (found["VpcPeeringConnectionId"], found["Status"]["Code"]) == (stack.physical_id("Peering"), "active")
    bad = {**template, "Peering": resource("EC2::VPCPeeringConnection", **peering, PeerVpcId=over)}
    assert stack.apply(bad) == "UPDATE_ROLLBACK_COMPLETE"
    assert any("overlap" in reason for reason in stack.reasons())


def test_a_resource_fails_on_demand(stack: Stack, faults: Callable[[Faults], None]) -> None:
    """By type or logical id; the stack goes back, and later it works."""
    faults(Faults(failures={"AWS::SQS::Queue": "no more queues"}))
    template = {"Topic": resource("SNS::Topic"), "Messages": {**resource("SQS::Queue"), "DependsOn": "Topic"}}
    assert stack.apply(template) == "ROLLBACK_COMPLETE"
    assert any("no more queues" in reason for reason in stack.reasons())
    faults(Faults())
    stack.cloudformation.delete_stack(StackName=stack.name)
    wait_until(lambda: not stack.cloudformation.list_stacks(StackStatusFilter=["ROLLBACK_COMPLETE"])["StackSummaries"])
    assert stack.apply(template) == "CREATE_COMPLETE"


def test_a_failed_change_goes_back(stack: Stack, faults: Callable[[Faults], None]) -> None:
    """The way back is not hindered by the fault."""
    stack.apply({"Messages": resource("SQS::Queue", VisibilityTimeout=30)})
    faults(Faults(failures={"Messages": "not today"}))
    assert stack.apply({"Messages": resource("SQS::Queue", VisibilityTimeout=60)}) == "UPDATE_ROLLBACK_COMPLETE"


def test_a_resource_that_cannot_be_deleted(stack: Stack, faults: Callable[[Faults], None]) -> None:
    """The stack is in DELETE_FAILED and can be deleted later."""
    stack.apply({"Messages": resource("SQS::Queue")})
    faults(Faults(delete_failures={"Messages": "it is in use"}))
    stack.cloudformation.delete_stack(StackName=stack.name)
    assert stack.wait() == "DELETE_FAILED"


def test_slow_resources_give_events_one_by_one(stack: Stack, faults: Callable[[Faults], None]) -> None:
    """While the second one is made, the first is done and the stack is in progress."""
    faults(Faults(delays={"AWS::SNS::Topic": 1.0}))
    template = '{"Resources": {"A": {"Type": "AWS::SQS::Queue"}, "B": {"Type": "AWS::SNS::Topic", "DependsOn": "A"}}}'
    stack.cloudformation.create_stack(StackName=stack.name, TemplateBody=template)

    def events() -> set[tuple[str, str]]:
        found = stack.cloudformation.describe_stack_events(StackName=stack.name)["StackEvents"]
        return {(event["LogicalResourceId"], event["ResourceStatus"]) for event in found}

    wait_until(lambda: {("A", "CREATE_COMPLETE"), ("B", "CREATE_IN_PROGRESS")} <= events())
    assert stack.state() == "CREATE_IN_PROGRESS"
    assert stack.wait() == "CREATE_COMPLETE"


def test_stacks_of_different_regions_are_slow_at_the_same_time(aws: Sandbox, stack: Stack, faults: Callable[[Faults], None]) -> None:
    """Two of half a second each are made in less than a second."""
    faults(Faults(delay_s=0.5))
    others = [Stack(aws.client("cloudformation", region), "parallel") for region in ("ap-south-1", "ap-south-2")]
    for other in others:
        other.cloudformation.create_stack(StackName=other.name, TemplateBody='{"Resources": {"A": {"Type": "AWS::SQS::Queue"}}}')
    assert [other.wait() for other in others] == ["CREATE_COMPLETE"] * 2
    times = [other.cloudformation.describe_stack_events(StackName=other.name)["StackEvents"] for other in others]
    starts, ends = zip(*((min(e["Timestamp"] for e in events), max(e["Timestamp"] for e in events)) for events in times), strict=True)
    assert max(starts) < min(ends)


@pytest.mark.parametrize("address", ["https://templates-{0}.s3.{0}.amazonaws.com/t.json", "https://s3.amazonaws.com/templates-{0}/t.json"])
def test_templates_on_s3(aws: Sandbox, stack: Stack, region: str, address: str) -> None:
    """By both kinds of address, as larger templates need it; links to objects can be signed."""
    s3, name = aws.client("s3", region), f"templates-{region}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": region})
    s3.put_object(Bucket=name, Key="t.json", Body=json.dumps({"Resources": {"Messages": resource("SQS::Queue")}}))
    stack.cloudformation.create_stack(StackName=stack.name, TemplateURL=address.format(region))
    assert stack.wait() == "CREATE_COMPLETE"
    link = s3.generate_presigned_url("get_object", Params={"Bucket": name, "Key": "t.json"})
    assert b"AWS::SQS::Queue" in urllib.request.urlopen(link).read()
    s3.delete_object(Bucket=name, Key="t.json")
    s3.delete_bucket(Bucket=name)
