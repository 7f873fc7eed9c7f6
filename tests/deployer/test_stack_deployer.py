"""What is wanted becomes true, in order, and is told: on the sandbox."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from cyclone_core.aws.account import Account
from cyclone_core.aws.stacks import MOST_BYTES, MOST_INLINE_BYTES
from cyclone_core.infra import bootstrap
from cyclone_core.infra.plan import Change, Plan
from cyclone_core.infra.targets import Target, targets
from tests.deployer.conftest import HUB, MAIN, Deployed, Sandbox, Templates, alone, bodies, bootstrapped, made, plan_of, resource


def full(host: Deployed, peer: bool = True, **cluster: Any) -> dict[str, Any]:
    """Two regions, a cluster, a queue."""
    return bodies(
        host={"name": host.host},
        region=[{"name": MAIN, "cidr": "10.0.0.0/16"}, {"name": HUB, "cidr": "10.1.0.0/16", "peer_with_main_region": peer}],
        cluster={"name": "big", **cluster},
        queue={"name": "fast", "cluster": "big"},
    )


def test_a_host_is_made_changed_and_deleted(host: Deployed) -> None:
    """Every stack ends as ACTIVE, the records say what there is, and nothing is left in the end."""
    ended = host.reach(full(host))
    assert len(ended) == 8
    assert set(ended.values()) == {"ACTIVE"}
    assert host.recorded() == full(host)
    host.reach(full(host, timeout=60))
    template = json.loads(json.dumps(host.raw(HUB).get_template(StackName=f"{host.host}--cluster-big")["TemplateBody"]))
    assert template["Resources"]["Messages"]["Properties"]["VisibilityTimeout"] == 60
    assert set(host.reach({}).values()) == {"DELETED"}
    assert host.recorded() == {}
    assert host.stack("host") is None


def test_events_are_in_order_and_told_once(host: Deployed) -> None:
    """Of each stack what begins it first and what ends it last; of each resource every phase once; what is needed ends before."""
    host.reach(full(host))
    whole = [(event.kind, event.region, event.phase) for event in host.told if not event.part]
    assert whole.index(("region", MAIN, "ACTIVE")) < whole.index(("cluster", MAIN, "CREATING"))
    assert whole.index(("cluster", HUB, "ACTIVE")) > whole.index(("region", HUB, "ACTIVE"))
    parts = [(event.region, event.kind, event.name, event.part, event.phase) for event in host.told if event.part]
    assert len(parts) == len(set(parts))
    mine = [(event.part, event.phase) for event in host.told if (event.kind, event.region) == ("cluster", MAIN)]
    assert mine[0] == ("", "CREATING")
    assert mine[-1] == ("", "ACTIVE")
    assert mine.index(("Messages AWS::SQS::Queue", "CREATING")) < mine.index(("Messages AWS::SQS::Queue", "ACTIVE"))


def test_what_is_true_already_costs_no_change_set(host: Deployed, as_user: Callable[..., Account]) -> None:
    """ACTIVE at once, also for somebody who may not ask for one."""
    host.reach(alone(host))
    before, sets = host.stack("host"), host.change_sets("host")
    host.account = as_user({"Action": "*"}, {"Effect": "Deny", "Action": "cloudformation:CreateChangeSet"})
    assert host.reach(alone(host)) == {f"host {host.host}": "ACTIVE"}
    assert host.stack("host") == before
    assert [event.phase for event in host.told] == ["UPDATING", "ACTIVE"]
    assert host.change_sets("host") == sets


def test_a_change_set_without_changes_is_no_failure(host: Deployed) -> None:
    """A template that differs as a text only: CloudFormation finds nothing to do, and no change set is left."""
    host.reach(alone(host))
    make, sets = host.templates._make, host.change_sets("host")
    host.templates._make = lambda target: {name: {**each, "DependsOn": []} for name, each in make(target).items()}
    assert host.reach(alone(host)) == {f"host {host.host}": "ACTIVE"}
    assert host.change_sets("host") == sets


def test_only_stacks_of_the_plan_are_touched(host: Deployed) -> None:
    """Others may have changed in what is recorded, or not be there at all."""
    plan = plan_of(host.place, {}, full(host))
    only = Plan(tuple(change for change in plan.changes if change.kind == "host"))
    assert host.apply(only) == {f"host {host.host}": "ACTIVE"}
    assert [stack["StackName"] for stack in host.raw().describe_stacks()["Stacks"] if stack["StackName"].startswith(f"{host.host}-")] == [
        f"{host.host}--host"
    ]


def test_what_nobody_wants_any_more_is_not_made(host: Deployed) -> None:
    """A cluster in a region that left meanwhile."""
    host.reach(alone(host))
    ended = host.apply(Plan((Change("create", "cluster", "big", (), {"name": "big"}, None, HUB),)))
    assert ended == {f"cluster big {HUB}": "FAILED"}
    assert "has no cluster big in eu-west-1 any more" in host.text("FAILED")


def test_peering_is_switched_off(host: Deployed) -> None:
    """The routes are gone before the network changes."""
    host.reach(full(host))
    ended = host.reach(full(host, peer=False))
    assert ended[f"peering {HUB}"] == "DELETED"
    whole = [(event.kind, event.region, event.phase) for event in host.told if not event.part]
    assert whole.index(("peering", MAIN, "DELETED")) < whole.index(("region", HUB, "UPDATING"))


def test_a_region_is_bootstrapped_once(host: Deployed) -> None:
    """Its bucket is there afterwards; the next plan that asks for it finds it."""
    region = "sa-east-1"
    plan = Plan((Change("create", "bootstrap", region, region=region), *plan_of(host.place, {}, alone(host)).changes))
    assert host.apply(plan)[f"bootstrap {region} {region}"] == "ACTIVE"
    assert host.apply(plan)[f"bootstrap {region} {region}"] == "ACTIVE"
    assert "it is there already" in host.text("ACTIVE")


def test_a_bootstrap_without_its_bucket_is_left_alone(host: Deployed) -> None:
    """Somebody's own, with another qualifier: the reason says how to get the bucket."""
    region = "ap-south-1"
    template = json.dumps({"Resources": {"Theirs": resource("SNS::Topic")}})
    host.raw(region).create_stack(StackName="CDKToolkit", TemplateBody=template)
    plan = Plan((Change("create", "bootstrap", region, region=region),))
    assert host.apply(plan) == {f"bootstrap {region} {region}": "FAILED"}
    assert f"cdk bootstrap aws://{host.place.account}/{region}" in host.text("FAILED")


def long(size: int) -> Templates:
    """Templates that are longer than this many bytes."""
    return Templates(lambda target: {**made(target), "Note": {**resource("SQS::Queue"), "Metadata": {"note": "x" * size}}})


def many(target: Target) -> dict[str, Any]:
    """Too many resources."""
    return {f"Messages{number}": resource("SQS::Queue") for number in range(501)}


@pytest.mark.parametrize(
    ("templates", "why"),
    [
        (Templates(many), "501 resources, and CloudFormation takes 500. Make host"),
        (long(MOST_BYTES), "bytes, and CloudFormation takes 1,000,000. Make host"),
    ],
    ids=["resources", "bytes"],
)
def test_a_template_over_the_limits_is_refused(host: Deployed, as_user: Callable[..., Account], templates: Templates, why: str) -> None:
    """Before anything of it is brought to AWS: somebody who may only look is told the same. Its plan says so, too (test_aws_plans.py)."""
    host.account = as_user({"Action": ["cloudformation:Describe*", "ssm:GetParametersByPath"]})
    host.templates = templates
    assert host.reach(alone(host)) == {f"host {host.host}": "FAILED"}
    assert why in host.text("FAILED")
    assert host.stack("host") is None


def test_a_long_template_goes_by_way_of_the_bucket(host: Deployed, aws: Sandbox) -> None:
    """Of the region's bootstrap: CloudFormation takes 51,200 bytes in a request. It is created and changed like others."""
    bootstrapped(aws, MAIN)
    host.templates = long(MOST_INLINE_BYTES)
    assert host.reach(alone(host)) == {f"host {host.host}": "ACTIVE"}
    assert host.reach(alone(host, timeout=60)) == {f"host {host.host}": "ACTIVE"}
    text = json.dumps(host.raw().get_template(StackName=f"{host.host}--host")["TemplateBody"])
    assert len(text) > MOST_INLINE_BYTES
    (target,) = targets(host.place, alone(host, timeout=60))
    sent = host.templates.templates([target])[target.key].text.encode()
    key = f"{hashlib.sha256(sent).hexdigest()}.json"
    found = aws.client("s3", MAIN).get_object(Bucket=bootstrap.bucket(host.place.account, MAIN), Key=key)
    assert found["Body"].read() == sent
