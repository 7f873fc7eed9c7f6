"""What a machine starts for what waits: never more than it has, by priority, in equal parts, and nothing left free that somebody wants."""

from hypothesis import given
from hypothesis import strategies as st

from cyclone_core.scheduler.machine_packing import CHILD_MIB, HUNGRY_S, Child, Plan, Room, Want, fits, free, plan, width_of

OFFER = Room(16, 16_384)
SMALL = Room(1, 512)
rooms = st.builds(Room, st.integers(1, 12), st.integers(16, 6000), st.integers(0, 2))
offers = st.builds(Room, st.integers(1, 64), st.integers(64, 32_000), st.integers(0, 8))


@st.composite
def wants(draw: st.DrawFn, hungry: bool = False) -> list[Want]:
    """Of different definitions."""
    names = draw(st.lists(st.sampled_from("abcdef"), unique=True, max_size=6))
    hunger = st.floats(0, 2 * HUNGRY_S) if hungry else st.just(0.0)
    return [Want(name, draw(rooms), draw(st.integers(0, 100)), draw(st.integers(-1, 1)), draw(hunger)) for name in names]


def _started(found: Plan, asked: list[Want]) -> list[Child]:
    sizes = {want.definition: want.slot for want in asked}
    return [Child(100 + number, name, sizes[name], width) for number, (name, width) in enumerate(found.starts)]


def _filled(offer: Room, asked: list[Want]) -> list[Child]:
    return _started(plan(offer, asked, []), asked)


@given(offers, wants(), wants(hungry=True))
def test_never_more_than_the_machine_has(offer: Room, earlier: list[Want], asked: list[Want]) -> None:
    """Of vCPUs, memory and GPUs, whatever runs already; nor more slots than are wanted."""
    children = _filled(offer, earlier)
    found = plan(offer, asked, children)
    left = free(offer, [*children, *_started(found, asked)])
    assert min(left.vcpus, left.memory_mib, left.gpus) >= 0
    for want in asked:
        widths = [width for name, width in found.starts if name == want.definition]
        assert sum(widths) <= want.slots
        assert all(1 <= width <= width_of(want.slot) for width in widths)


@given(offers, wants())
def test_nothing_is_left_free_that_somebody_wants(offer: Room, asked: list[Want]) -> None:
    """Of each definition all that it wants is started, or another child of it would not fit."""
    found = plan(offer, asked, [])
    left = free(offer, _started(found, asked))
    for want in asked:
        got = sum(width for name, width in found.starts if name == want.definition)
        assert got == want.slots or not left.holds(want.slot.times(1))


@given(offers, wants())
def test_lower_priorities_take_nothing_from_higher_ones(offer: Room, asked: list[Want]) -> None:
    """What the highest get is what they would get alone."""
    highest = max((want.priority for want in asked), default=0)
    alone = plan(offer, [want for want in asked if want.priority == highest], [])
    mine = {want.definition for want in asked if want.priority == highest}
    assert tuple(start for start in plan(offer, asked, []).starts if start[0] in mine) == alone.starts


@given(offers, wants(), wants(hungry=True))
def test_asking_to_leave_comes_to_an_end(offer: Room, earlier: list[Want], asked: list[Want]) -> None:
    """One child at a time, never of a higher priority nor of who is starving; what is started then is for who was starving."""
    priorities = {want.definition: want.priority for want in [*earlier, *asked]}
    children = _filled(offer, earlier)
    for _ in range(len(children) + 1):
        found = plan(offer, asked, children, priorities)
        if not found.leave:
            break
        (key,) = found.leave
        victim = next(child for child in children if child.key == key)
        assert any(want.priority >= priorities[victim.definition] and want.definition != victim.definition for want in asked)
        children = [child for child in children if child.key != key]
    assert not plan(offer, asked, children, priorities).leave


def test_equal_definitions_share_a_machine() -> None:
    """By vCPUs, not by slots."""
    found = plan(OFFER, [Want("large", Room(4, 512), 100), Want("small", SMALL, 100)], [])
    assert found.starts == (("large", 2), ("small", 8))


def test_a_child_with_gpus_has_one_slot() -> None:
    """Its tasks would see each other's."""
    found = plan(Room(16, 16_384, 4), [Want("gpu", Room(1, 512, 2), 5)], [])
    assert found.starts == (("gpu", 1), ("gpu", 1))


def test_children_need_memory_themselves() -> None:
    """A task that has all the memory of a machine does not fit."""
    assert not fits(Room(4, 1024), Room(1, 1024))
    assert fits(Room(4, 1024), Room(1, 1024 - CHILD_MIB))


def test_who_starves_gets_room_from_who_has_more_than_an_equal_share() -> None:
    """After a minute, child by child; nothing new is started for others meanwhile."""
    children = [Child(1, "old", SMALL, 8), Child(2, "old", SMALL, 8)]
    asked = [Want("new", SMALL, 9), Want("old", SMALL, 9)]
    assert plan(OFFER, asked, children) == Plan(hungry=("new",))
    starving = [Want("new", SMALL, 9, hungry_s=HUNGRY_S), asked[1]]
    assert plan(OFFER, starving, children).leave == (2,)
    leaving = [children[0], Child(2, "old", SMALL, 8, is_leaving=True)]
    assert plan(OFFER, starving, leaving) == Plan(hungry=("new",))
    assert plan(OFFER, starving, children[:1]).starts == (("new", 8),)


def test_a_task_that_needs_the_whole_machine_gets_it() -> None:
    """Others wait while children leave, one after the other."""
    children = [Child(1, "old", SMALL, 8), Child(2, "old", SMALL, 4)]
    asked = [Want("huge", Room(16, 512), 1, hungry_s=HUNGRY_S), Want("old", SMALL, 9)]
    assert (plan(OFFER, asked, children).leave, plan(OFFER, asked, children).starts) == ((2,), ())
    assert plan(OFFER, asked, children[:1]).leave == (1,)
    assert plan(OFFER, asked, []).starts == (("huge", 1),)


def test_who_has_its_share_makes_nobody_leave() -> None:
    """Two that have half each, and want more."""
    children = [Child(1, "a", SMALL, 8), Child(2, "b", SMALL, 8)]
    found = plan(OFFER, [Want("a", SMALL, 9, hungry_s=999), Want("b", SMALL, 9, hungry_s=999)], children)
    assert found == Plan()
