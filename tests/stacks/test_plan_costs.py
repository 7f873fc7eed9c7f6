"""What plans cost: dollars that were worked out by hand, and that stacks have what is counted."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cyclone_core.infra import costs, stack_costs
from cyclone_core.infra.costs import Costs
from cyclone_core.infra.interface_endpoints import INTERFACES
from cyclone_core.infra.plan import Bodies
from cyclone_core.infra.stack_costs import Known, Spot
from cyclone_core.operations import plan_costs
from cyclone_core.prices import table
from cyclone_core.resource_bodies import aws_body
from tests.stacks.bodies import HOST, MAIN, PLACE, body, cluster

HUB = "eu-west-1"
GOLDEN = Path(__file__).parent / "golden"
SHIPPED = Known(table.shipped())


def bodies(*clusters: Any, region: Any = None, **more: Any) -> dict[str, dict[str, Any]]:
    """A host with its main region and clusters."""
    regions = {MAIN: region or body("region", MAIN)} | more
    return {"host": {"grid": aws_body(HOST, HOST, {})}, "region": regions, "cluster": {one["name"]: one for one in clusters}}


def cost(after: Bodies, before: Bodies | None = None, known: Known = SHIPPED) -> Costs:
    """Of a plan from bodies (none) to others."""
    return costs.of_plan(PLACE, before or {}, after, (), known)


def of(found: Costs, kind: str, region: str = MAIN) -> costs.StackCost:
    """The stack of a kind."""
    return next(stack for stack in found.stacks if (stack.kind, stack.region) == (kind, region))


def test_a_host_by_hand() -> None:
    """43,800 minutes: scaler 0.5675, reconciler 0.2025, health 0.0770, router 0.1845; polls 0.2628, reads 0.0657; 2 metrics, 1 alarm 0.70.

    The network: 2 metrics 0.60, a NAT gateway and its address 730 x (0.045 + 0.005). Fifty c5.large: 730 x 0.085 + 30 x 0.08 each.
    """
    found = cost(bodies(cluster("big", type="ONDEMAND", instance_list=("c5.large",), max_vcpus=100)))
    assert of(found, "host").change.after.idle == pytest.approx(2.0599, abs=1e-4)
    assert of(found, "region").change.after == stack_costs.Range(pytest.approx(37.10), pytest.approx(37.10))
    assert of(found, "cluster").change.after == stack_costs.Range(0.0, pytest.approx(3222.50))
    assert found.host.after.idle == pytest.approx(39.1599, abs=1e-4)
    assert found.host.most == pytest.approx(3261.6599, abs=1e-4)


def test_the_dearest_type_counts() -> None:
    """For a vCPU, of everything that may be started, also later."""
    (item,) = of(cost(bodies(cluster("big", type="ONDEMAND", instance_list=("c5.large", "r5.large"), max_vcpus=2))), "cluster").items
    assert item.basis.startswith("r5.large at $0.1260 an hour on demand (list price)")
    assert (item.range.most, item.priced_on) == (pytest.approx(730 * 0.126 + 2.40), "2025-03-02")
    later = cluster("big", type="ONDEMAND", instance_list=("c5.large",), fallback_instance_list=("g5.xlarge",), max_vcpus=4)
    assert of(cost(bodies(later)), "cluster").change.after.most == pytest.approx(730 * 1.006 + 2.40)


def test_spot_costs_what_was_seen_else_the_bid() -> None:
    """Never more than the bid; on demand where the cluster falls back to that."""
    asked = cluster("big", instance_list=("c5.large",), bid_percentage=60, max_vcpus=2)
    bid = of(cost(bodies(asked)), "cluster").items[0]
    assert bid.range.most == pytest.approx(730 * 0.085 * 0.6 + 2.40)
    assert "60 %" in bid.basis
    seen = replace(SHIPPED, spot={MAIN: Spot({"c5.large": 0.03}, "2026-11-22")})
    item = of(cost(bodies(asked), known=seen), "cluster").items[0]
    assert (item.range.most, item.priced_on) == (pytest.approx(730 * 0.03 + 2.40), "2026-11-22")
    assert "as seen 2026-11-22, which may rise to $0.0510" in item.basis
    dear = replace(SHIPPED, spot={MAIN: Spot({"c5.large": 7.0}, "2026-11-22")})
    assert of(cost(bodies(asked), known=dear), "cluster").items[0].range.most == bid.range.most
    falls = cluster("big", instance_list=("c5.large",), fallback={"on-demand": 600}, max_vcpus=2)
    assert of(cost(bodies(falls), known=seen), "cluster").items[0].range.most == pytest.approx(730 * 0.085 + 2.40)


def test_public_instances_have_an_address() -> None:
    """Each by the hour."""
    public = bodies(
        cluster("big", type="ONDEMAND", instance_list=("c5.large",), max_vcpus=2), region=body("region", MAIN, subnet_config="PUBLIC")
    )
    assert of(cost(public), "cluster").change.after.most == pytest.approx(730 * (0.085 + 0.005) + 2.40)


@pytest.mark.parametrize(("kind", "hour"), [("t3.large", 0.0832 + 2 * 0.05), ("t4g.large", 0.0672 + 2 * 0.04), ("t2.large", 0.0928)])
def test_burstable_instances_pay_for_what_they_use_beyond_their_share(kind: str, hour: float) -> None:
    """They are `unlimited` where nobody says otherwise, but for t2; work that never pauses pays for its vCPUs a second time."""
    (item,) = of(cost(bodies(cluster("big", type="ONDEMAND", instance_list=(kind,), max_vcpus=2))), "cluster").items
    assert item.range.most == pytest.approx(730 * hour + 2.40)
    assert ("CPU credits" in item.basis) == (kind != "t2.large")


def test_endpoints_cost_by_zone() -> None:
    """Eleven in three zones, at one cent; elsewhere it is said whose price that is."""
    isolated = body("region", HUB, cidr="10.1.0.0/16", subnet_config="PRIVATE_ISOLATED", deploy_vpc_endpoints="FOR_PRIVATE_VPC")
    found = of(cost(bodies(**{HUB: isolated})), "region", HUB)
    item = next(item for item in found.items if item.what == "interface endpoints")
    assert item.range.idle == pytest.approx(11 * 3 * 0.01 * 730)
    assert item.basis.endswith("(us-east-1's price)")


def test_networks_cost_what_was_fetched() -> None:
    """With the date of that list, and nobody else's price."""
    shipped = table.shipped()
    here = replace(shipped.regions[HUB], services={table.NAT_GATEWAY: 0.048}, date="2026-11-20")
    fetched = Known(replace(shipped, regions={**shipped.regions, HUB: here}))
    found = of(cost(bodies(**{HUB: body("region", HUB, cidr="10.1.0.0/16")}), known=fetched), "region", HUB)
    item = next(item for item in found.items if item.what == "1 NAT gateway")
    assert (item.range.idle, item.priced_on) == (pytest.approx(730 * (0.048 + 0.005)), "2026-11-20")
    assert "us-east-1" not in item.basis


def test_what_has_no_price_is_said() -> None:
    """The most is not known then, neither of the host; machines that join cost nothing."""
    found = cost(bodies(cluster("new", type="ONDEMAND", instance_list=("c9g.large",))))
    assert of(found, "cluster").change.after.most is None
    assert (found.host.after.most, found.host.most) == (None, None)
    assert "hyper prices refresh" in of(found, "cluster").items[0].basis
    assert cost(bodies(cluster("own", launch_type="ONPREM"))).host.after == cost(bodies()).host.after


def test_before_and_after() -> None:
    """Of a change only what it touches or moves, of a deletion what goes; the host as a whole."""
    small = bodies(cluster("big", type="ONDEMAND", instance_list=("c5.large",), max_vcpus=2))
    large = bodies(cluster("big", type="ONDEMAND", instance_list=("c5.large",), max_vcpus=4))
    found = cost(large, small)
    assert [stack.kind for stack in found.stacks] == ["cluster"]
    assert found.host.most == pytest.approx(64.45)
    assert found.host.idle == 0.0
    gone = cost({}, small)
    assert gone.host.after == stack_costs.Range()
    assert gone.host.idle == pytest.approx(-39.1599, abs=1e-4)
    assert {stack.kind for stack in gone.stacks} == {"host", "region", "cluster"}


def test_prices_are_asked_for_what_was_and_for_what_will_be() -> None:
    """Else a change is told as the difference of a bid and a price; clusters that stay count too, machines of one's own do not."""
    before = bodies(cluster("big", instance_list=("r6i.large",)), cluster("other", instance_list=("m5.large",)))
    after = bodies(cluster("big", instance_list=("c7i.large",)), cluster("other", instance_list=("m5.large",)))
    assert plan_costs.spot_types(before, after) == {MAIN: ["c7i.large", "m5.large", "r6i.large"]}
    assert plan_costs.spot_types({}, bodies(cluster("own", launch_type="ONPREM"), cluster("paid", type="ONDEMAND"))) == {}


def test_a_long_record_costs() -> None:
    """An advanced parameter, in the main region only."""
    tags = {f"key-{number}": "x" * 200 for number in range(25)}
    found = of(cost(bodies(cluster("big", compute_resources_tags=tags))), "cluster")
    assert [item.range.idle for item in found.items if item.what == "record"] == [0.05]


def test_every_price_has_a_date() -> None:
    """Whatever is told in dollars."""
    found = cost(bodies(cluster("big"), **{HUB: body("region", HUB, cidr="10.1.0.0/16")}))
    assert all(item.priced_on for stack in found.stacks for item in stack.items)
    assert dict(found.priced_on) == {MAIN: "2025-03-02", HUB: "2025-03-02"}


def test_functions_that_run_on_schedule_are_those_that_are_counted() -> None:
    """The template has the same ones, as often and as large; one alarm and a dashboard where asked for."""
    resources = json.loads((GOLDEN / "every-option" / "us-east-1.grid--host.json").read_text())["Resources"].values()
    memory = {each["Properties"]["FunctionName"]: each["Properties"]["MemorySize"] for each in resources if "Function" in each["Type"][-8:]}
    rates = {
        each["Properties"]["Targets"][0]["Id"]: each["Properties"]["ScheduleExpression"]
        for each in resources
        if each["Type"] == "AWS::Events::Rule"
    }
    counted = {name: (f"rate({one.every_minutes} minute{'' if one.every_minutes == 1 else 's'})", one.memory_mib)
               for name, one in stack_costs.SCHEDULED.items()}  # fmt: skip
    assert {name: (rate, memory[f"grid--{name}"]) for name, rate in rates.items()} == counted
    assert [each["Type"] for each in resources if each["Type"].startswith("AWS::CloudWatch")].count("AWS::CloudWatch::Alarm") == 1


def test_endpoints_that_are_counted_are_made() -> None:
    """The template of an isolated network has two gateways beside them."""
    resources = json.loads((GOLDEN / "isolated" / "us-east-1.grid--region.json").read_text())["Resources"].values()
    made = [each for each in resources if each["Type"] == "AWS::EC2::VPCEndpoint"]
    assert len(made) == 2 + len(INTERFACES["FOR_PRIVATE_VPC"])
