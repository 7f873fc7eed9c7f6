"""Plans: properties of the way from what is there to what is wanted, and of what stands against it."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cyclone_core.infra import checks, plan
from cyclone_core.scheduler import references
from cyclone_core.scheduler.references import KINDS

NAMES = st.sampled_from(["a", "b", "c"])
VALUES = st.one_of(st.none(), st.booleans(), st.integers(-2, 2), st.lists(st.integers(0, 2), max_size=2))
Bodies = dict[str, dict[str, dict[str, Any]]]


def named(bodies: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Bodies that know their name."""
    return {name: {**body, "name": name} for name, body in bodies.items()}


BODIES = st.fixed_dictionaries(
    {
        kind: st.dictionaries(NAMES, st.dictionaries(st.sampled_from(["x", "y"]), VALUES, max_size=2), max_size=3).map(named)
        for kind in KINDS
    }
)
CLUSTERS = st.dictionaries(NAMES, st.just({}), max_size=3).map(named)
QUEUES = st.dictionaries(NAMES, st.fixed_dictionaries({"cluster": NAMES}), max_size=3).map(named)
CONNECTED = st.fixed_dictionaries({"cluster": CLUSTERS, "queue": QUEUES})


@given(BODIES)
def test_nothing_to_do_is_an_empty_plan(bodies: Bodies) -> None:
    """plan(x, x) is empty."""
    assert not plan.make(bodies, bodies)


@given(BODIES, BODIES)
def test_a_plan_leads_to_what_is_wanted(current: Bodies, desired: Bodies) -> None:
    """Applying the plan gives exactly the desired resources."""
    assert plan.applied(plan.make(current, desired), current) == desired


@given(BODIES, BODIES)
def test_each_resource_changes_at_most_once(current: Bodies, desired: Bodies) -> None:
    """No resource is touched twice, and none that is equal is touched."""
    touched = [(change.kind, change.name) for change in plan.make(current, desired).changes]
    assert len(touched) == len(set(touched))
    assert all(
        current[kind].get(name) != desired[kind].get(name) or repr(current[kind][name]) != repr(desired[kind][name])
        for kind, name in touched
    )


@given(BODIES, BODIES)
def test_what_is_referred_to_comes_first_and_goes_last(current: Bodies, desired: Bodies) -> None:
    """Puts follow the order of kinds, deletions the reverse, after all puts."""
    changes = plan.make(current, desired).changes
    order = [(1, -KINDS.index(change.kind)) if change.action == "delete" else (0, KINDS.index(change.kind)) for change in changes]
    assert order == sorted(order)


@given(CONNECTED, CONNECTED)
def test_an_accepted_plan_never_leaves_a_queue_without_its_cluster(current: Bodies, desired: Bodies) -> None:
    """When nothing stands against a plan, every queue that it stores finds its cluster, after every single change."""
    made = plan.make(current, desired)
    if checks.problems(made, current, {}):
        return
    state: Any = current
    for change in made.changes:
        state = plan.applied(plan.Plan((change,)), state)
        if change.kind == "queue" and change.body is not None:
            assert change.body["cluster"] in state["cluster"]
        if change.kind == "cluster" and change.action == "delete":
            assert all(queue["cluster"] != change.name for queue in state["queue"].values())


@given(CONNECTED, CONNECTED)
def test_a_plan_to_a_sound_state_is_accepted(current: Bodies, desired: Bodies) -> None:
    """Where every wanted queue has its cluster among the wanted ones, nothing stands against getting there."""
    if all(queue["cluster"] in desired["cluster"] for queue in desired["queue"].values()):
        assert checks.problems(plan.make(current, desired), current, {}) == []


def test_moving_a_queue_and_deleting_its_cluster_is_one_plan() -> None:
    """Each change sees the ones before it."""
    current = {"cluster": {"a": {"name": "a"}, "b": {"name": "b"}}, "queue": {"q": {"name": "q", "cluster": "a"}}}
    desired = {"cluster": {"b": {"name": "b"}}, "queue": {"q": {"name": "q", "cluster": "b"}}}
    made = plan.make(current, desired)
    assert [(change.action, change.kind, change.name) for change in made.changes] == [("change", "queue", "q"), ("delete", "cluster", "a")]
    assert checks.problems(made, current, {}) == []


def test_a_field_that_cannot_change_in_place_replaces() -> None:
    """The rule is handed in; the plan only knows that it matters."""
    current, desired = {"region": {"r": {"name": "r", "cidr": "1"}}}, {"region": {"r": {"name": "r", "cidr": "2"}}}
    made = plan.make(current, desired, lambda kind, field: (kind, field) == ("region", "cidr"))
    assert made.changes[0].action == "replace"
    assert made.changes[0].fields == (plan.FieldChange("cidr", "1", "2"),)


def test_true_is_not_one() -> None:
    """JSON tells them apart, so a plan does."""
    assert plan.make({"queue": {"q": {"name": "q", "x": 1}}}, {"queue": {"q": {"name": "q", "x": True}}})


@given(st.text(max_size=6), st.lists(st.text(max_size=6), max_size=4))
def test_nearest_is_one_of_the_names_or_nothing(name: str, names: list[str]) -> None:
    """Whatever is typed, a suggestion exists."""
    assert references.nearest(name, names) in {None, *names}
