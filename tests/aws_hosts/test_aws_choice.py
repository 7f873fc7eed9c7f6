"""Which stacks a change touches, from hand-made states: pure, nothing is asked."""

from typing import Any

from cyclone_core.infra.deployed_stacks import Deployed
from cyclone_core.infra.stack_planner import choose
from cyclone_core.infra.targets import Place, targets

PLACE = Place("grid", "123456789012", "us-east-1")
BODIES: dict[str, dict[str, dict[str, Any]]] = {
    "host": {"grid": {"name": "grid"}},
    "region": {
        "us-east-1": {"name": "us-east-1", "main_region": True, "cidr": "10.0.0.0/16"},
        "eu-west-1": {"name": "eu-west-1", "cidr": "10.1.0.0/16", "peer_with_main_region": True},
    },
    "cluster": {"big": {"name": "big", "max_vcpus": 4}},
    "definition": {"sim": {"name": "sim", "image_uri": "x"}},
    "queue": {"fast": {"name": "fast", "cluster": "big"}},
}
THERE = [Deployed(target.region, target.stack, target.kind, target.name, "CREATE_COMPLETE") for target in targets(PLACE, BODIES)]


def changed(kind: str, name: str, body: dict[str, Any] | None) -> dict[str, dict[str, dict[str, Any]]]:
    """The bodies with one resource stored, or (None) without it."""
    rest = {other: value for other, value in BODIES[kind].items() if other != name}
    return {**BODIES, kind: {**rest, name: body} if body else rest}


def chosen(desired: Any, stacks: list[Deployed] = THERE, **how: Any) -> tuple[list[str], list[str]]:
    """(stacks to make or compare, stacks to delete), each as `region stack`."""
    puts, gone = choose(PLACE, BODIES, desired, stacks, **how)
    return [f"{target.region} {target.stack}" for target in puts], [f"{stack.region} {stack.stack}" for stack in gone]


def test_what_stays_as_it_is_is_not_looked_at() -> None:
    """However many stacks the host has."""
    assert chosen(BODIES) == ([], [])


def test_a_changed_cluster_is_looked_at_in_each_region() -> None:
    """And nothing else: its queue is another stack."""
    desired = changed("cluster", "big", {"name": "big", "max_vcpus": 8})
    assert chosen(desired) == (["us-east-1 grid--cluster-big", "eu-west-1 grid--cluster-big"], [])


def test_a_new_region_comes_with_everything_that_each_region_has() -> None:
    """Its registration and network before the clusters in it."""
    puts, gone = chosen(changed("region", "eu-west-2", {"name": "eu-west-2", "cidr": "10.2.0.0/16"}))
    assert puts == [
        "us-east-1 grid--hub-eu-west-2",
        "eu-west-2 grid--region",
        "eu-west-2 grid--cluster-big",
        "eu-west-2 grid--definition-sim",
    ]
    assert gone == []


def test_a_region_goes_with_everything_in_it() -> None:
    """What needs its network first, its registration last."""
    puts, gone = chosen(changed("region", "eu-west-1", None))
    assert puts == []
    assert set(gone[:2]) == {"eu-west-1 grid--definition-sim", "eu-west-1 grid--cluster-big"}
    assert gone[2:] == ["us-east-1 grid--peering-eu-west-1", "eu-west-1 grid--region", "us-east-1 grid--hub-eu-west-1"]


def test_another_main_network_reaches_the_peered_hubs() -> None:
    """Their routes lead to it."""
    puts, _ = chosen(changed("region", "us-east-1", {"name": "us-east-1", "main_region": True, "cidr": "10.9.0.0/16"}))
    assert puts == ["us-east-1 grid--region", "eu-west-1 grid--region", "us-east-1 grid--peering-eu-west-1"]


def test_what_somebody_asks_about_is_looked_at_although_it_is_recorded() -> None:
    """A stack that failed in one region has its record in another."""
    assert chosen(BODIES, touched={("cluster", "big")})[0] == ["us-east-1 grid--cluster-big", "eu-west-1 grid--cluster-big"]


def test_what_is_left_of_a_region_goes_with_the_next_try() -> None:
    """Its record is gone already: whoever deletes it again finds the rest by its tags."""
    left = Deployed("eu-west-3", "grid--cluster-big", "cluster", "big", "DELETE_FAILED")
    assert chosen(BODIES, [*THERE, left]) == ([], [])
    assert chosen(BODIES, [*THERE, left], touched={("region", "eu-west-3")})[1] == ["eu-west-3 grid--cluster-big"]


def test_the_whole_host_is_compared_and_tidied() -> None:
    """Every stack that is wanted, and those of the host that nobody wants."""
    puts, gone = chosen(BODIES, [*THERE, Deployed("us-east-1", "grid--queue-old", "queue", "old", "CREATE_COMPLETE")], whole=True)
    assert len(puts) == len(THERE)
    assert gone == ["us-east-1 grid--queue-old"]


def test_a_host_goes_with_all_of_its_stacks() -> None:
    """Also those that nobody recorded; an empty stack that only holds a change set is none."""
    stacks = [*THERE, Deployed("us-east-1", "grid--queue-x", "queue", "x", "REVIEW_IN_PROGRESS")]
    puts, gone = chosen({}, stacks)
    assert (puts, len(gone), gone[-1]) == ([], len(THERE), "us-east-1 grid--host")
