"""How a cluster's vCPUs are shared, and what each environment is asked for."""

from hypothesis import given
from hypothesis import strategies as st

from cyclone_core.infra.compute_environments import BEFORE, environments, made_from
from cyclone_core.scheduler.capacity import LEAST_SHARE
from tests.stacks.bodies import cluster


@given(vcpus=st.integers(1, 100_000), count=st.integers(1, 3))
def test_shares_sum_to_the_clusters_vcpus(vcpus: int, count: int) -> None:
    """Exactly, about equal, and never so small that no instance fits, but where the cluster is."""
    found = environments(cluster(max_vcpus=vcpus, compute_envs=count), "us-east-1")
    shares = [each.max_vcpus for each in found]
    assert sum(shares) == vcpus
    assert max(shares) - min(shares) <= 1
    assert len(shares) == 1 or min(shares) >= LEAST_SHARE
    assert [each.number for each in found] == list(range(1, len(found) + 1))


def test_the_environments_of_optimal_widen_the_choice() -> None:
    """The second takes the generation before, where a region has it; lists are taken as they are."""
    assert [each.instance_types for each in environments(cluster(), "us-east-1")] == [("default_x86_64",), BEFORE, ("default_x86_64",)]
    assert {each.instance_types for each in environments(cluster(), "mx-central-1")} == {("default_x86_64",)}
    listed = environments(cluster(instance_list=("c7g", "m7g.large")), "us-east-1")
    assert {each.instance_types for each in listed} == {("c7g", "m7g.large")}


def test_how_instances_are_bought() -> None:
    """The default strategy is for spot: on demand it is the one that takes other types, too. A bid is for spot only."""
    spot = environments(cluster(bid_percentage=60), "us-east-1")[0]
    assert (spot.is_spot, spot.strategy, spot.bid_percentage) == (True, "SPOT_CAPACITY_OPTIMIZED", 60)
    demand = environments(cluster(type="ONDEMAND", allocation_strategy="SPOT_CAPACITY_OPTIMIZED"), "us-east-1")[0]
    assert (demand.is_spot, demand.strategy, demand.bid_percentage) == (False, "BEST_FIT_PROGRESSIVE", None)


def test_an_image_of_its_own_is_a_regions() -> None:
    """Without one in a region, Batch's newest is used."""
    body = {**cluster(main_region_image_name="mine"), "machine_images": {"us-east-1": "ami-1"}}
    own, usual = (environments(body, region)[0] for region in ("us-east-1", "eu-west-1"))
    assert (own.image, usual.image) == ("ami-1", None)


def test_more_vcpus_are_made_from_the_same() -> None:
    """Types, tags and images are not; one environment more is made beside those that are there."""
    before = made_from(cluster(compute_envs=2), "us-east-1")
    assert made_from(cluster(compute_envs=2, max_vcpus=5000), "us-east-1") == before
    assert len(made_from(cluster(compute_envs=3), "us-east-1") - before) == 1
    for other in ({"compute_resources_tags": {"team": "x"}}, {"bid_percentage": 60}, {"instance_list": ("c5",)}):
        assert not made_from(cluster(compute_envs=2, **other), "us-east-1") & before
