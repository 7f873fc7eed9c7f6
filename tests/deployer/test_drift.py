"""What somebody changed beside Cyclone is found, told property by property, and put back by a deployment."""

import json
from dataclasses import replace
from typing import Any

from cyclone_core import naming
from cyclone_core.aws import drift
from cyclone_core.aws.stacks import Stacks
from cyclone_core.infra.plan import Plan
from tests.deployer.conftest import MAIN, Deployed, alone, plan_of, resource


def stack(host: Deployed) -> tuple[Stacks, str]:
    """The host's stack."""
    return Stacks(host.account, MAIN), naming.stack(host.host, "host")


def found(host: Deployed) -> dict[str, Any]:
    """What differs, by logical id."""
    return {each.logical_id: each for each in drift.detect(*stack(host)).resources}


def meddle(host: Deployed) -> Plan:
    """A host, a queue of which somebody changed, and a parameter of which somebody deleted; and a plan of no change that reverts."""
    name = f"/{host.host}/told"
    wanted = alone(host, extra={"Told": resource("SSM::Parameter", Type="String", Name=name, Value="x")})
    host.reach(wanted)
    ask = host.account.client("sqs", MAIN).ask
    url = next(each.physical_id for each in stack(host)[0].resources(stack(host)[1]) if each.logical_id == "Messages")
    ask("SetQueueAttributes", QueueUrl=url, Attributes={"VisibilityTimeout": "77"})
    host.account.client("ssm", MAIN).ask("DeleteParameter", Name=name)
    return replace(plan_of(host.place, host.recorded(), wanted), revert_drift=True)


def test_drift_is_told_and_put_back(host: Deployed) -> None:
    """A changed property, and a resource that is gone; applied again there is nothing to do."""
    plan = meddle(host)
    told = found(host)
    assert told["Messages"].differences == (drift.Difference("VisibilityTimeout", "30", "77"),)
    assert told["Told"].status == "DELETED"
    host.apply(replace(plan, revert_drift=False))
    assert set(found(host)) == {"Messages", "Told"}
    assert set(host.apply(plan).values()) == {"ACTIVE"}
    assert found(host) == {}
    assert [event.part for event in host.told if event.part.startswith("Told") and event.phase == "ACTIVE"] != []
    host.apply(plan)
    assert [event for event in host.told if event.part] == []


def test_a_change_set_says_what_is_put_back(host: Deployed) -> None:
    """The value that is there, and the one that it gets."""
    meddle(host)
    stacks, name = stack(host)
    text = json.dumps(stacks.template(name))
    now = stacks.get(name)
    changes = stacks.change_set(name, text, create=False, name="look", tags=now.tags if now else {}, revert_drift=True).changes
    assert {change.logical_id: (change.action, change.reverted) for change in changes} == {
        "Messages": ("change", (("VisibilityTimeout", "77", "30"),)),
        "Told": ("create", ()),
    }
