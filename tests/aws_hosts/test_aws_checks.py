"""What a resource of an AWS host cannot be, judged without asking anybody: what a form says while somebody types."""

from typing import Any

import pytest

from cyclone_core.infra import plan as plans
from cyclone_core.infra import stack_checks
from cyclone_core.naming import host_problem
from cyclone_core.operations.resources import Proposal, Snapshot, Stored, judge
from cyclone_core.resource_bodies import Machine
from cyclone_core.resources import Host
from cyclone_core.scheduler.admission import check_place
from cyclone_core.scheduler.capacity import is_automatic
from tests.certificates import AUTHORITY

HOST = Host(name="grid", type="aws", account="123456789012", region="us-east-1", vpc="10.0.0.0/16")
MACHINE = Machine(4, 8192)


def judged(kind: str, given: dict[str, object], snapshot: Snapshot | None = None, mode: Any = "create") -> Proposal:
    """What a form is told."""
    return judge(HOST, kind, given, mode, with_main() if snapshot is None else snapshot, MACHINE)


def stored(kind: str, body: dict[str, Any]) -> Stored:
    """A resource that is there."""
    return Stored(kind, str(body["name"]), "ACTIVE", body, 0.0, 0.0)


def with_main(*others: Stored) -> Snapshot:
    """A host with its main region."""
    (change,) = judged("region", {"name": "us-east-1"}, Snapshot()).plan.changes
    assert change.body is not None
    return Snapshot((stored("region", {**change.body, "availability_zones": 3}), *others))


def body(kind: str, given: dict[str, object], snapshot: Snapshot | None = None) -> dict[str, Any]:
    """What would be stored; nothing stands against it."""
    found = judged(kind, given, snapshot)
    assert found.problems == ()
    (change,) = found.plan.changes
    assert change.body is not None
    return dict(change.body)


def test_the_main_region_has_the_hosts_network() -> None:
    """What takes a look at the account is left open."""
    found = body("region", {"name": "us-east-1"}, Snapshot())
    assert (found["main_region"], found["import_vpc"], found["cidr"], found["nat_gateways"]) == (True, False, "10.0.0.0/16", 1)
    assert (found["subnet_config"], found["availability_zones"]) == ("PRIVATE_WITH_NAT", None)
    assert "vpc" not in found


def test_a_hub_without_a_network_gets_the_next_free_range() -> None:
    """So that it can be peered later."""
    assert body("region", {"name": "eu-west-1"})["cidr"] == "10.1.0.0/16"


@pytest.mark.parametrize("given", [{"vpc": "vpc-0a1b2c3d"}, {"vpc_id": "vpc-0a1b2c3d"}, {"import_vpc": "True", "vpc_id": "vpc-0a1b2c3d"}])
def test_an_existing_network_is_named_in_any_spelling(given: dict[str, object]) -> None:
    """Its range and subnets are looked up when a plan is made."""
    found = body("region", {"name": "eu-west-1", **given})
    assert (found["import_vpc"], found["vpc_id"], found["cidr"], found["nat_gateways"]) == (True, "vpc-0a1b2c3d", None, 0)


def test_on_demand_clusters_get_a_strategy_that_they_can_have() -> None:
    """The default is for spot instances; asking for that one is refused."""
    assert body("cluster", {"name": "c", "type": "ondemand"})["allocation_strategy"] == "BEST_FIT_PROGRESSIVE"
    (refused,) = judged("cluster", {"name": "c", "type": "ONDEMAND", "allocation_strategy": "SPOT_CAPACITY_OPTIMIZED"}).problems
    assert refused.path == "allocation_strategy"


def test_hosts_have_no_names_that_s3_keeps_to_itself() -> None:
    """Their bucket's name begins with theirs."""
    for name in ("xn", "sthree-lab", "amzn-s3-demo"):
        assert host_problem("name", name) is not None
    for name in ("xna", "sthrees", "grid"):
        assert host_problem("name", name) is None


@pytest.mark.parametrize(
    ("kind", "given", "paths"),
    [
        ("region", {"name": "mars"}, ["name"]),
        ("region", {"name": "eu-west-1", "vpc": "10.0.0.0/33", "nat_gateways": 0}, ["vpc", "nat_gateways"]),
        ("region", {"name": "eu-west-1", "cidr": "10.0.4.0/22", "peer_with_main_region": True}, ["cidr"]),
        ("region", {"name": "eu-west-1", "subnet_config": "PUBLIC", "nat_gateways": 2}, ["nat_gateways"]),
        ("region", {"name": "eu-west-1", "availability_zones": 2, "nat_gateways": 3}, ["nat_gateways"]),
        ("region", {"name": "eu-west-1", "subnet_config": "private-isolated"}, ["deploy_vpc_endpoints"]),
        ("region", {"name": "eu-west-1", "vpc_id": "vpc-0a1b2c3d", "nat_gateways": 1}, ["nat_gateways"]),
        ("region", {"name": "eu-west-1", "import_vpc": True}, ["vpc_id"]),
        ("cluster", {"name": "c", "instance_list": ["m7g.large", "c7i"]}, ["instance_list"]),
        (
            "cluster",
            {"name": "c", "join_with": "ROLES_ANYWHERE", "compute_resources_tags": "aws:x=1"},
            ["certificate_authority", "compute_resources_tags"],
        ),
        ("cluster", {"name": "c", "launch_type": "ONPREM", "certificate_authority": AUTHORITY}, ["certificate_authority"]),
        (
            "cluster",
            {"name": "c", "launch_type": "ONPREM", "type": "ONDEMAND", "instance_list": "c5", "first_zones": 2, "fallback": "zones=9"},
            ["instance_list", "type", "first_zones", "fallback"],
        ),
        (
            "queue",
            {"name": "q", "cluster": "c", "region_distribution_weights": {"eu-west-9": 1}},
            ["cluster", "region_distribution_weights"],
        ),
        ("definition", {"name": "d", "timeout_minutes": 0.5}, ["image_uri", "timeout_minutes"]),
        ("definition", {"name": "d", "cyclone_image_name": "base"}, ["cyclone_image_name"]),
        ("definition", {"name": "d", "image_uri": "x", "environment": {"V": "x" * 9000}}, ["environment"]),
    ],
)
def test_all_that_is_wrong_is_told_at_once(kind: str, given: dict[str, object], paths: list[str]) -> None:
    """Each on the field it belongs to, with a remedy."""
    problems = judged(kind, given).problems
    assert [problem.path for problem in problems] == paths
    assert all(problem.hint for problem in problems)


def test_what_is_wrong_with_a_container_is_told_once() -> None:
    """Also to whoever asks about one body, as the CDK path does."""
    mounts = [{"container_path": "data", "read_only": False, "source_volume": "v"}]
    found = {"name": "d", "image_uri": "debian:12", "mount_points": mounts}
    assert [str(problem) for problem in stack_checks.body_problems("definition", found, {"region": {"us-east-1": {}}})] == [
        "definitions[d].mount_points: 'data' is no absolute path. Write it from / on"
    ]


def test_ranges_of_regions_that_are_not_connected_may_overlap() -> None:
    """Nobody has to route between them."""
    assert body("region", {"name": "eu-west-1", "cidr": "10.0.0.0/16"})["cidr"] == "10.0.0.0/16"


def test_a_network_stays_while_something_uses_it() -> None:
    """Gateways and endpoints come and go; the range does not."""
    used = with_main(stored("cluster", {"name": "big"}))
    assert judged("region", {"name": "us-east-1", "nat_gateways": 2}, used, "update").problems == ()
    (problem,) = judged("region", {"name": "us-east-1", "vpc": "10.9.0.0/16"}, used, "update").problems
    assert "clusters are in it (big)" in problem.message
    assert judged("region", {"name": "us-east-1", "vpc": "10.9.0.0/16"}, None, "update").problems == ()


def test_what_was_found_out_is_kept_until_it_no_longer_fits() -> None:
    """A new subnet in an imported network changes nothing until somebody says so."""
    imported = {"name": "eu-west-1", "import_vpc": True, "vpc_id": "vpc-0a1b2c3d", "cidr": "10.3.0.0/16", "subnet_config": "PUBLIC",
                "subnets": ["subnet-1"], "route_tables": ["rtb-1"], "availability_zones": 1, "nat_gateways": 0,
                "deploy_vpc_endpoints": "OFF", "peer_with_main_region": False, "main_region": False}  # fmt: skip
    there = with_main(stored("region", imported))
    (change,) = judged("region", {"name": "eu-west-1", "deploy_vpc_endpoints": "DATA_OPTIMISED"}, there, "update").plan.changes
    assert change.body is not None
    assert change.body["subnets"] == ["subnet-1"]
    (other,) = judged("region", {"name": "eu-west-1", "subnet_config": "PRIVATE_WITH_NAT"}, there, "update").plan.changes
    assert "subnets" not in (other.body or {})


def test_the_main_region_goes_last() -> None:
    """Everything else of the host needs it."""
    bodies = with_main(stored("cluster", {"name": "big"}), stored("region", {"name": "eu-west-1"})).bodies
    (problem,) = stack_checks.deletion_problems("region", "us-east-1", bodies)
    assert "region eu-west-1, cluster big" in problem.message
    assert stack_checks.deletion_problems("region", "eu-west-1", bodies) == []


def test_a_region_that_a_queue_gives_a_weight_stays() -> None:
    """Else no later change of the queue would be taken: it names a region that is not there."""
    weighed = stored("queue", {"name": "fast", "region_distribution_weights": {"us-east-1": 2, "eu-west-1": 0}})
    bodies = with_main(weighed, stored("region", {"name": "eu-west-1"}), stored("region", {"name": "eu-west-2"})).bodies
    (problem,) = stack_checks.deletion_problems("region", "eu-west-1", bodies)
    assert problem.message == "1 queue still gives it a weight: fast"
    assert stack_checks.deletion_problems("region", "eu-west-2", bodies) == []


NETWORK = "vpc-0a1b2c3d"


@pytest.mark.parametrize("given", [{"vpc_id": NETWORK, "cidr": "10.9.0.0/16"}, {"vpc": "10.8.0.0/16", "cidr": "10.9.0.0/16"}])
def test_two_networks_of_one_region_are_refused(given: dict[str, object]) -> None:
    """None of them is taken without a word; import_vpc says which one is meant, as in files."""
    problems = judged("region", {"name": "eu-west-1", **given}).problems
    assert [problem.message.endswith("are two networks") for problem in problems] == [True]
    assert judged("region", {"name": "eu-west-1", "vpc_id": NETWORK, "cidr": "10.9.0.0/16", "import_vpc": True}).problems == ()


def test_weights_are_chosen_by_whoever_is_to() -> None:
    """By Cyclone where nothing is said, or where it is asked for; a queue with numbers has these."""
    there = with_main(stored("cluster", {"name": "big"}))
    ways: tuple[dict[str, object], ...] = ({"automate_region_weights": "True"}, {"region_distribution_weights": {"us-east-1": "auto"}})
    for asked in ways:
        assert judged("queue", {"name": "q", "cluster": "big", **asked}, there).problems == ()
        assert is_automatic(body("queue", {"name": "q", "cluster": "big", **asked}, there))
    assert body("queue", {"name": "q", "cluster": "big"}, there)["automate_region_weights"] is True
    assert (
        body("queue", {"name": "q", "cluster": "big", "region_distribution_weights": "us-east-1=2"}, there)["automate_region_weights"]
        is False
    )


def test_nothing_computes_before_there_is_a_region() -> None:
    """A cluster of no region would be nowhere, and nobody would know of it."""
    (problem,) = judged("cluster", {"name": "c"}, Snapshot()).problems
    assert "init-main-region" in problem.hint


def test_the_main_region_comes_first_whatever_its_name_is() -> None:
    """And goes last: as when a whole host is made again, or taken back."""
    regions = {"eu-west-1": body("region", {"name": "eu-west-1"}), **with_main().bodies["region"]}
    host: Any = {"region": regions}
    assert stack_checks.problems(plans.make({}, host), {}) == []
    assert stack_checks.problems(plans.make(host, {}), host) == []


def test_what_cannot_be_read_hides_nothing_else() -> None:
    """A number out of range and a rule between other fields are told in one breath; what stands in for the number is not judged."""
    given = {"name": "big", "bid_percentage": "0", "type": "ONDEMAND", "allocation_strategy": "SPOT_CAPACITY_OPTIMIZED"}
    assert [problem.path for problem in judged("cluster", given).problems] == ["bid_percentage", "allocation_strategy"]
    given = {"name": "d", "image_uri": "r/i:1", "ulimits": '[{"name": "NOFILE", "soft_limit": "x"}]', "log_driver": "LOGENTRIES"}
    paths = [problem.path for problem in judged("definition", given).problems]
    assert "log_driver" in paths
    assert any(path.startswith("ulimits") for path in paths)
    given = {"name": "eu-west-1", "availability_zones": "9", "subnet_config": "PUBLIC", "nat_gateways": "2"}
    assert [problem.path for problem in judged("region", given).problems] == ["availability_zones", "nat_gateways"]


def test_a_definition_without_an_image_is_for_machines() -> None:
    """Where there are some; what is said of containers is not true of it."""
    bare: dict[str, object] = {"name": "bare", "vcpus": 2, "timeout_minutes": 0.5}
    assert [problem.path for problem in judged("definition", bare).problems] == ["image_uri", "timeout_minutes"]
    lab = stored("cluster", body("cluster", {"name": "lab", "launch_type": "ONPREM"}))
    assert judged("definition", bare, with_main(lab)).problems == ()


def test_what_a_cluster_had_before_machines_alone_is_not_held_against_it() -> None:
    """Who changes its launch type, or later its limit, gave none of it then."""
    batch = stored("cluster", body("cluster", {"name": "lab", "instance_list": "c5", "type": "ONDEMAND"}))
    found = judged("cluster", {"name": "lab", "launch_type": "ONPREM"}, with_main(batch), "update")
    assert found.problems == ()
    assert [
        problem.path
        for problem in judged(
            "cluster", {"name": "lab", "launch_type": "ONPREM", "bid_percentage": 50}, with_main(batch), "update"
        ).problems
    ] == ["bid_percentage"]


def test_a_job_without_an_image_is_refused_where_only_containers_run() -> None:
    """With what to do; machines take it."""
    lab = body("cluster", {"name": "lab", "launch_type": "ONPREM"})
    bare = body("definition", {"name": "bare"}, with_main(stored("cluster", lab)))
    resources: dict[str, dict[str, dict[str, Any]]] = {
        "cluster": {"lab": lab, "big": body("cluster", {"name": "big"})},
        "definition": {"bare": bare},
        "queue": {"bench": {"name": "bench", "cluster": "lab"}, "fast": {"name": "fast", "cluster": "big"}},
    }
    assert check_place("bench", "bare", resources) == []
    (problem,) = check_place("fast", "bare", resources)
    assert "has no image" in problem.message
    assert "--image-uri" in problem.hint


@pytest.mark.parametrize(
    ("cluster", "said"),
    [
        ({"instance_list": "g4dn", "main_region_image_name": "drivers"}, ""),
        ({"instance_list": "c5", "fallback_instance_list": "g4dn", "main_region_image_name": "drivers"}, ""),
        ({"instance_list": "g4dn"}, "has no drivers"),
        ({"main_region_image_name": "drivers"}, "none has so many GPUs"),
        ({"instance_list": "g4dn.xlarge", "main_region_image_name": "drivers"}, "none has so many GPUs"),
    ],
)
def test_a_job_with_gpus_goes_to_no_cluster_whose_instances_offer_none(cluster: dict[str, object], said: str) -> None:
    """It would wait for ever; machines that join by themselves are not known here."""
    wide = {"name": "wide", "gpu_count": 2}
    resources: dict[str, dict[str, dict[str, Any]]] = {
        "cluster": {"bare": body("cluster", {"name": "bare", "launch_type": "EC2", **cluster}), "lab": {"launch_type": "ONPREM"}},
        "definition": {"wide": wide},
        "queue": {"fast": {"name": "fast", "cluster": "bare"}, "bench": {"name": "bench", "cluster": "lab"}},
    }
    assert check_place("bench", "wide", resources) == []
    found = check_place("fast", "wide", resources)
    assert [said in problem.message for problem in found] == ([True] if said else [])
