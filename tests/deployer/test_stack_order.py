"""Which stacks wait for which: values only."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cyclone_core.infra.bootstrap import STACK as BOOTSTRAP
from cyclone_core.infra.plan import Change, Plan
from cyclone_core.infra.stack_order import Step, blocked, desired, steps
from cyclone_core.infra.targets import Place, Target, targets

MAIN, HUB, OTHER = "us-east-1", "eu-west-1", "eu-west-2"
PLACE = Place("grid", "123456789012", MAIN)
Bodies = dict[str, dict[str, dict[str, Any]]]


def bodies(**kinds: list[dict[str, Any]]) -> Bodies:
    """Bodies by kind and name."""
    return {kind: {body["name"]: body for body in found} for kind, found in kinds.items()}


def full(peer: bool = True) -> Bodies:
    """A host with two regions, a cluster, a queue and a definition."""
    return bodies(
        host=[{"name": "grid"}],
        region=[{"name": MAIN, "cidr": "10.0.0.0/16"}, {"name": HUB, "cidr": "10.1.0.0/16", "peer_with_main_region": peer}],
        cluster=[{"name": "big"}],
        definition=[{"name": "plain"}],
        queue=[{"name": "fast", "cluster": "big"}],
    )


def change(target: Target, action: Any) -> Change:
    """The change of a target's stack."""
    body = target.properties.get("body")
    before = body if action == "delete" else None
    return Change(action, target.kind, target.name, (), None if action == "delete" else body, before, target.region)


def plan(before: Bodies, after: Bodies) -> Plan:
    """A change of every stack that there is."""
    old, new = {t.key: t for t in targets(PLACE, before)}, {t.key: t for t in targets(PLACE, after)}
    puts = [change(target, "change" if key in old else "create") for key, target in new.items()]
    return Plan((*puts, *(change(target, "delete") for key, target in old.items() if key not in new)))


def found(before: Bodies, after: Bodies) -> dict[tuple[str, str], Step]:
    """Steps by stack, each after those that it waits for."""
    result = {step.key: step for step in steps(PLACE, before, plan(before, after))}
    order = list(result)
    assert all(order.index(other) < order.index(key) for key, step in result.items() for other in step.after)
    return result


def test_what_is_needed_is_made_first() -> None:
    """A network before its cluster, both networks before the routes between them; what needs nothing waits for nothing."""
    result = found({}, full())
    assert result[HUB, "grid--region"].after == {(MAIN, "grid--hub-eu-west-1"), (MAIN, "grid--region")}
    assert result[MAIN, "grid--peering-eu-west-1"].after == {(MAIN, "grid--region"), (HUB, "grid--region")}
    assert result[HUB, "grid--cluster-big"].after == {(HUB, "grid--region")}
    assert result[MAIN, "grid--queue-fast"].after == {(MAIN, "grid--cluster-big")}
    assert result[MAIN, "grid--definition-plain"].after == result[MAIN, "grid--host"].after == frozenset()


def test_what_is_needed_is_deleted_last() -> None:
    """The other way round, and the host's own stack after everything."""
    result = found(full(), {})
    assert result[MAIN, "grid--region"].after == {(HUB, "grid--region"), (MAIN, "grid--peering-eu-west-1"), (MAIN, "grid--cluster-big")}
    assert result[MAIN, "grid--hub-eu-west-1"].after == {(HUB, "grid--region")}
    assert result[MAIN, "grid--host"].after == result.keys() - {(MAIN, "grid--host")}


def test_routes_go_before_the_peering_connection() -> None:
    """Switching peering off: the hub's network, which has the connection, changes after the routes are deleted."""
    result = found(full(), full(peer=False))
    assert result[MAIN, "grid--peering-eu-west-1"].deletes
    assert (MAIN, "grid--peering-eu-west-1") in result[HUB, "grid--region"].after


def test_what_is_no_longer_used_goes_after_its_user_changed() -> None:
    """A queue moves to a new cluster, then the old one goes."""
    after = {**full(), **bodies(cluster=[{"name": "new"}], queue=[{"name": "fast", "cluster": "new"}])}
    result = found(full(), after)
    assert (MAIN, "grid--queue-fast") in result[MAIN, "grid--cluster-big"].after
    assert (MAIN, "grid--cluster-new") in result[MAIN, "grid--queue-fast"].after


def test_a_region_is_bootstrapped_first() -> None:
    """Whatever is made there waits for it; what is made elsewhere does not."""
    made = plan({}, full())
    result = steps(PLACE, {}, Plan((Change("create", "bootstrap", HUB, region=HUB), *made.changes)))
    waiting = {step.key for step in result if (HUB, BOOTSTRAP) in step.after}
    assert waiting == {step.key for step in result if step.key[0] == HUB} - {(HUB, BOOTSTRAP)}


def test_a_cluster_stays_where_one_region_leaves() -> None:
    """The deletion of its stack in a hub does not delete the resource; that of the hub's registration deletes the region."""
    gone = Plan((Change("delete", "cluster", "big", region=HUB), Change("delete", "hub", HUB, region=MAIN)))
    result = desired(PLACE, full(), gone)
    assert list(result["region"]) == [MAIN]
    assert list(result["cluster"]) == ["big"]
    assert "big" not in desired(PLACE, full(), Plan((Change("delete", "cluster", "big", region=MAIN),)))["cluster"]


def test_what_failed_blocks_only_what_needs_it() -> None:
    """Directly or through others: a hub's network its cluster and the peering, and no other region."""
    order = list(found({}, full()).values())
    assert {step.key for step in blocked((HUB, "grid--region"), order)} == {(HUB, "grid--cluster-big"), (MAIN, "grid--peering-eu-west-1")}


def resources() -> st.SearchStrategy[Bodies]:
    """Hosts with some regions, clusters and queues."""

    def build(hubs: dict[str, bool], clusters: list[str], queues: dict[str, str]) -> Bodies:
        regions: list[dict[str, Any]] = [
            {"name": MAIN, "cidr": "10.0.0.0/16"},
            *({"name": name, "peer_with_main_region": peer} for name, peer in hubs.items()),
        ]
        return bodies(
            host=[{"name": "grid"}],
            region=regions,
            cluster=[{"name": name} for name in clusters],
            queue=[{"name": name, "cluster": cluster} for name, cluster in queues.items()],
        )

    hubs = st.dictionaries(st.sampled_from([HUB, OTHER]), st.booleans())
    clusters = st.lists(st.sampled_from(["a", "b", "c"]), unique=True)
    queues = st.dictionaries(st.sampled_from(["q", "r"]), st.sampled_from(["a", "b", "c"]))
    return st.one_of(st.just({}), st.builds(build, hubs, clusters, queues))


@given(resources(), resources())
def test_there_is_always_an_order(before: Bodies, after: Bodies) -> None:
    """From any resources to any others no two stacks wait for each other, and each change has its step."""
    assert len(found(before, after)) == len(plan(before, after).changes)
