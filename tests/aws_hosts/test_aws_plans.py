"""Plans of stacks next to what is deployed, on the sandbox with small made-up templates: what is broken, taken, equal or different."""

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest

pytest.importorskip("boto3", reason="plans of stacks need the extra test")

from cyclone_core.aws.stacks import MOST_BYTES
from cyclone_core.infra import deployed_stacks, stack_facts
from cyclone_core.infra.stack_planner import Planned, plan
from cyclone_core.infra.synth import Asset, Template
from cyclone_core.infra.targets import Key, Target
from tests.aws import Sandbox, wait_until
from tests.deployer.conftest import HUB, MAIN, Deployed, Templates, account, alone, as_user, bodies, host, made, resource

__all__ = ["account", "as_user", "host"]  # fixtures


def planned(host: Deployed, desired: Any, **how: Any) -> Planned:
    """What leads to the desired bodies."""
    seen = deployed_stacks.look(host.account, host.place)
    return plan(host.account, host.place, seen, desired, host.templates, **how)  # type: ignore[arg-type]


def steps(found: Planned) -> list[tuple[str, str, str]]:
    """(action, stack without the host's name, note) of each."""
    return [(stack.action, stack.stack.partition("--")[2], stack.note) for stack in found.details.stacks]


def two_regions(host: Deployed, **cluster: Any) -> Any:
    """A host with a hub and a cluster."""
    return bodies(host={"name": host.host}, region=[{"name": MAIN, "main_region": True}, {"name": HUB}], cluster={"name": "big", **cluster})


def test_a_new_host_is_all_created(host: Deployed) -> None:
    """Nothing is changed by planning it."""
    found = planned(host, alone(host))
    assert steps(found) == [("create", "host", "")]
    assert {each.type for each in found.details.stacks[0].resources} == {"AWS::SQS::Queue", "AWS::SSM::Parameter"}
    assert [change.kind for change in found.plan.changes] == ["host"]
    assert host.stack("host") is None


def test_a_region_is_bootstrapped_for_files_only(host: Deployed) -> None:
    """Beside a template, or of one that is too long to be sent."""

    class WithFiles(Templates):
        def templates(self, wanted: Iterable[Target]) -> dict[Key, Template]:
            return {key: replace(found, assets=(Asset("1.zip", "/tmp/1.zip"),)) for key, found in super().templates(wanted).items()}

    host.place, host.templates = replace(host.place, main_region="us-west-2"), WithFiles()
    found = planned(host, alone(host))
    assert found.details.bootstrap == ("us-west-2",)
    first = found.plan.changes[0]
    assert (first.kind, first.name, first.region) == ("bootstrap", "us-west-2", "us-west-2")


def test_equal_templates_need_nothing(host: Deployed) -> None:
    """Whole or not."""
    host.reach(two_regions(host))
    assert not planned(host, two_regions(host), whole=True).plan


def test_a_difference_is_worked_out_per_resource_and_forgotten(host: Deployed) -> None:
    """The change set that says it is no longer there afterwards."""
    host.reach(two_regions(host))
    found = planned(host, two_regions(host, timeout=60))
    assert steps(found) == [("change", "cluster-big", ""), ("change", "cluster-big", "")]
    (hub,) = [stack for stack in found.details.stacks if stack.region == HUB]
    assert [(each.action, each.type) for each in hub.resources] == [("change", "AWS::SQS::Queue")]
    assert [change.before for change in found.plan.changes] == [{"name": "big"}] * 2
    assert not [name for name in host.change_sets("cluster-big") if "plan" in name]


def test_a_cluster_that_leaves_one_region_keeps_its_body(host: Deployed) -> None:
    """Its stack there goes; elsewhere it stays as it is."""
    host.reach(two_regions(host))
    found = planned(host, {**two_regions(host), "region": {MAIN: {"name": MAIN, "main_region": True}}})
    assert steps(found) == [("delete", "cluster-big", ""), ("delete", "region", ""), (("delete", f"hub-{HUB}", ""))]
    assert [change.body for change in found.plan.changes] == [{"name": "big"}, None, None]
    assert host.apply(found.plan)[f"cluster big {HUB}"] == "DELETED"
    assert host.recorded()["cluster"] == {"big": {"name": "big"}}


def test_a_stack_that_somebody_left_broken_is_made_anew(host: Deployed) -> None:
    """CloudFormation takes nothing but its deletion; the plan says so."""
    template = json.dumps({"Resources": {"Bad": resource("SSM::Parameter", Type="Nonsense", Value="x")}})
    tags = [{"Key": f"cyclone:{key}", "Value": value} for key, value in (("host", host.host), ("kind", "host"), ("name", host.host))]
    host.raw().create_stack(StackName=f"{host.host}--host", TemplateBody=template, Tags=tags, OnFailure="ROLLBACK")
    wait_until(lambda: (now := host.stack("host")) is not None and not now.in_progress)
    ((action, _, note),) = steps(planned(host, alone(host), whole=True))
    assert (action, note) == ("create", "it was left ROLLBACK_COMPLETE: it is deleted first")


def test_a_name_that_is_taken_is_a_problem(host: Deployed) -> None:
    """Somebody else's stack is never touched."""
    template = json.dumps({"Resources": {"Theirs": resource("SQS::Queue")}})
    host.raw().create_stack(StackName=f"{host.host}--host", TemplateBody=template)
    (problem,) = planned(host, alone(host)).problems
    assert f"there is a stack {host.host}--host in {MAIN} already" in problem.message


def test_a_template_over_the_limits_is_a_problem(host: Deployed) -> None:
    """For stacks that are not there, and for those that are; CloudFormation is not asked about it, and nothing is begun."""
    long = Templates(lambda target: {**made(target), "Note": {**resource("SQS::Queue"), "Metadata": {"note": "x" * MOST_BYTES}}})
    kept, host.templates = host.templates, long
    (problem,) = planned(host, alone(host)).problems
    assert problem.path == f"hosts[{host.host}]"
    assert "bytes, and CloudFormation takes 1,000,000" in problem.message
    assert host.stack("host") is None
    host.templates = kept
    host.reach(alone(host))
    host.templates = long
    assert planned(host, alone(host), whole=True).problems[0].path == problem.path


def test_a_namesake_with_another_main_region_is_left_alone(host: Deployed) -> None:
    """Its network there has the same name and tags, and is no region of ours."""
    host.reach(two_regions(host))
    other = replace(host, place=replace(host.place, main_region=HUB))
    (problem,) = planned(other, bodies(host={"name": host.host}, region={"name": HUB, "main_region": True})).problems
    assert f"of another host {host.host}" in problem.message


def test_deleting_names_what_stays(host: Deployed) -> None:
    """Resources that outlive their stack are not told as deleted."""
    kept = {"Kept": {**resource("SQS::Queue"), "DeletionPolicy": "Retain"}}
    host.reach(alone(host, extra=kept))
    (stack,) = planned(host, {}).details.stacks
    assert {each.logical_id: each.action for each in stack.resources}["Kept"] == "retain"


def test_rights_that_the_caller_lacks_are_named(host: Deployed, as_user: Callable[..., Any]) -> None:
    """As far as IAM can be asked."""
    look = {"Action": ["cloudformation:*", "ssm:*", "s3:*", "iam:SimulatePrincipalPolicy"]}
    host.account = as_user(look)
    lacking = planned(host, alone(host)).details.lacking
    assert "sqs:CreateQueue" in lacking
    assert "cloudformation:CreateChangeSet" not in lacking
    host.account = as_user({"Action": ["cloudformation:*", "ssm:*", "s3:*"]})
    assert "SimulatePrincipalPolicy" in planned(host, alone(host)).details.unchecked


def test_facts_of_an_account_complete_a_body(host: Deployed, aws: Sandbox) -> None:
    """Zones of a new network; of an existing one its range, the workers' subnets and their route tables."""
    ec2 = aws.client("ec2", "ca-central-1")
    vpc = ec2.create_vpc(CidrBlock="10.77.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.77.1.0/24", AvailabilityZone="ca-central-1a")["Subnet"]["SubnetId"]
    desired = bodies(
        host={"name": host.host},
        region=[{"name": MAIN, "cidr": "10.0.0.0/16"}, {"name": "ca-central-1", "import_vpc": True, "vpc_id": vpc}],
    )
    found = stack_facts.resolve(host.account, host.place, {}, desired, (), False)
    assert found.problems == ()
    assert found.bodies["region"][MAIN]["availability_zones"] == 3
    imported = found.bodies["region"]["ca-central-1"]
    assert (imported["cidr"], imported["subnets"], imported["subnet_config"]) == ("10.77.0.0/16", [subnet], "PRIVATE_ISOLATED")
    assert imported["route_tables"][0].startswith("rtb-")


def test_quotas_that_the_change_would_pass_are_told(host: Deployed, aws: Sandbox) -> None:
    """Before AWS refuses halfway."""
    for number in range(5):
        aws.client("ec2", "sa-east-1").create_vpc(CidrBlock=f"10.{number}.0.0/16")
    desired = bodies(host={"name": host.host}, region=[{"name": "sa-east-1", "cidr": "10.0.0.0/16", "nat_gateways": 9}])
    found = stack_facts.resolve(host.account, host.place, {}, desired, (), False)
    assert [problem.message.partition(" are needed")[0] for problem in found.problems] == ["1 more VPCs", "9 more elastic IP addresses"]


def test_what_failed_says_why(host: Deployed) -> None:
    """The first resource that failed, not what became of the rest."""
    template = json.dumps({"Resources": {"Bad": resource("SSM::Parameter", Type="Nonsense", Value="x"), "Good": resource("SQS::Queue")}})
    tags = [{"Key": f"cyclone:{key}", "Value": value} for key, value in (("host", host.host), ("kind", "queue"), ("name", "q"))]
    host.raw().create_stack(StackName=f"{host.host}--queue-q", TemplateBody=template, Tags=tags, OnFailure="ROLLBACK")
    wait_until(lambda: (now := host.stack("queue-q")) is not None and not now.in_progress)
    (stack,) = deployed_stacks.look(host.account, host.place).stacks
    assert stack.reason.startswith("Bad (AWS::SSM::Parameter): ")
