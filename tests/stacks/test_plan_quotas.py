"""What plans take of quotas, and what is said when there is too little."""

from typing import Any

import pytest

from cyclone_core.infra import stack_quotas
from cyclone_core.infra.stack_quotas import Wanted, class_of, wanted
from cyclone_core.quotas import Need, Quota
from tests.stacks.bodies import MAIN, body, cluster


def bodies(*clusters: Any, **region: Any) -> dict[str, dict[str, Any]]:
    """A main region with clusters."""
    return {"region": {MAIN: body("region", MAIN, **region)}, "cluster": {one["name"]: one for one in clusters}}


def counts(found: Any) -> dict[str, int]:
    """what -> how many."""
    return {each.what: each.count for each in found}


def test_a_network_takes_a_vpc_and_addresses() -> None:
    """An imported one does not; what is there already is not counted again."""
    new = bodies(nat_gateways=2)
    assert counts(wanted(MAIN, {}, new)) == {"VPCs": 1, "elastic IP addresses": 2, "NAT gateways": 1}
    assert counts(wanted(MAIN, bodies(nat_gateways=1), new)) == {"elastic IP addresses": 1, "NAT gateways": 1}
    assert counts(wanted(MAIN, new, new)) == {}
    imported = {"region": {MAIN: {"name": MAIN, "import_vpc": True, "vpc_id": "vpc-1", "deploy_vpc_endpoints": "DATA_OPTIMISED"}}}
    assert counts(wanted(MAIN, {}, imported)) == {"interface endpoints": 3}


def test_a_cluster_takes_queues_and_environments() -> None:
    """One queue and up to three environments, and one of each for each later step of its fallback chain."""
    there = bodies()
    plain = counts(wanted(MAIN, there, bodies(cluster("big", instance_list=("c5.large",), fallback={"instance-types": 0}))))
    assert (plain["job queues of Batch"], plain["compute environments of Batch"]) == (1, 3)
    falls = cluster("big", instance_list=("c5.large",), fallback_instance_list=("m5.large",), fallback={"on-demand": 600})
    found = counts(wanted(MAIN, there, bodies(falls)))
    assert (found["job queues of Batch"], found["compute environments of Batch"]) == (3, 5)
    joined = counts(wanted(MAIN, there, bodies(cluster("own", launch_type="ONPREM"))))
    assert joined == {}


def test_what_is_made_anew_is_there_twice() -> None:
    """Until workers have left the old environments; more vCPUs take none, nor do fewer environments, nor one that becomes EC2's."""
    there = bodies(cluster("big", instance_list=("c5.large",)))
    environments = "compute environments of Batch"
    assert counts(wanted(MAIN, there, bodies(cluster("big", instance_list=("c6i.large",)))))[environments] == 3
    for same in ({"max_vcpus": 2000}, {"compute_envs": 1}, {"launch_type": "EC2"}):
        assert environments not in counts(wanted(MAIN, there, bodies(cluster("big", instance_list=("c5.large",), **same))))


def test_vcpus_are_counted_by_class_and_purchase() -> None:
    """Of all clusters of the region together, as soon as one of them changes."""
    first = cluster("a", type="ONDEMAND", instance_list=("c5", "g5.xlarge"), max_vcpus=100)
    second = cluster("b", instance_list=("m5.large",), max_vcpus=50, fallback={"on-demand": 600})
    found = [each for each in wanted(MAIN, bodies(first), bodies(first, second)) if not each.stops]
    assert {(each.code, each.count) for each in found} == {("L-1216C47A", 150), ("L-DB2E81BA", 100), ("L-34B43A08", 50)}
    assert not [each for each in wanted(MAIN, bodies(first), bodies(first)) if not each.stops]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("c5.large", "standard"), ("im4gn.large", "standard"), ("dl1.24xlarge", "dl"), ("vt1.3xlarge", "g"), ("gr6.4xlarge", "g"),
     ("inf2.xlarge", "inf"), ("trn1.2xlarge", "trn"), ("hpc7a.96xlarge", "hpc"), ("p4d.24xlarge", "p"), ("p5en.48xlarge", "p5"),
     ("x2gd.large", "x"), ("u7i-12tb.224xlarge", "u"), ("u-6tb1.56xlarge", "u")],
)  # fmt: skip
def test_classes_of_types(name: str, expected: str) -> None:
    """By all letters before the generation, not by the first."""
    assert class_of(name) == expected


def need(what: str = "VPCs", count: int = 1, used: int | None = 5, limit: int | None = 5, stops: bool = True, code: str = "L-1") -> Need:
    """Something needed of a quota."""
    return Need(MAIN, what, count, Quota(used, limit), "vpc" if code else "", code, stops)


def test_what_stops_a_stack_stands_against_the_plan() -> None:
    """With the command that asks for more; what only limits how much runs does not; what nobody knows does not either."""
    (problem,) = stack_quotas.problems([need(), need(stops=False, count=9), need(limit=None), need(used=None), need(used=4)])
    assert problem.path == f"regions[{MAIN}]"
    assert problem.message == f"1 more VPCs are needed in {MAIN}, and 0 of 5 are left"
    assert "request-service-quota-increase --region us-east-1 --service-code vpc --quota-code L-1 --desired-value 6" in problem.hint
    (fixed,) = stack_quotas.problems([need(code="", what="job queues of Batch")])
    assert "AWS raises this one for nobody" in fixed.hint


def test_scale_is_asked_for_as_a_whole() -> None:
    """vCPUs that may run at once against the quota, whatever runs now."""
    found = need("vCPUs", 1000, None, 5, stops=False)
    assert (found.is_short, found.wanted) == (True, 1000)
    assert found.page == "https://us-east-1.console.aws.amazon.com/servicequotas/home/services/vpc/quotas/L-1"
    assert not need("vCPUs", 5, None, 5, stops=False).is_short


def test_what_is_asked_is_known_to_service_quotas() -> None:
    """Every quota that can be raised has a service and a code."""
    for each in wanted(MAIN, {}, bodies(cluster("big"), deploy_vpc_endpoints="FOR_PRIVATE_VPC")):
        assert isinstance(each, Wanted)
        assert bool(each.code) != each.what.endswith("Batch")
        assert bool(each.code) == bool(each.service)
