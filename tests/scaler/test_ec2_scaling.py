"""Instances that the scaler asks for: as few as hold what is wanted, over regions, definitions and looks."""

import pytest

from tests.scaler.bare import FAR, HUB, MAIN, Bare


@pytest.mark.parametrize("regions", [(MAIN,), (MAIN, HUB), (MAIN, HUB, FAR)])
def test_tasks_for_two_instances_get_two(regions: tuple[str, ...]) -> None:
    """Eight tasks, four to an instance: three regions do not launch one each."""
    host = Bare(regions)
    host.tasks(8)
    host.look()
    assert sum(host.launched().values()) == 2
    for later_s in (5, 55, 60):
        assert host.look(later_s).asked == {}


def test_what_starts_has_room_for_all_definitions() -> None:
    """An instance that was asked for one worker of two vCPUs has two more and all of its memory, also before its machine says so."""
    host = Bare()
    host.define(a=2, b=1)
    host.tasks(1, definition="a")
    host.look()
    host.tasks(2, definition="b")
    host.ec2[MAIN].is_described = False
    assert (host.look(1).asked, host.launched()) == ({}, {MAIN: 1})
    host.ec2[MAIN].is_described = True
    assert (host.look(30).asked, host.look(120).asked) == ({}, {})
    host.says(next(host.all()))
    assert (host.look(1).asked, host.told("b")["regions"][MAIN]["running"]) == ({}, 2)


def test_a_definition_of_a_higher_priority_takes_what_was_asked_for_others() -> None:
    """Who is served first is not who asked first: altogether they fill the two instances that start."""
    host = Bare()
    host.define(a=2, b=1)
    host.bodies["queue"]["urgent"] = {"name": "urgent", "cluster": "big", "priority": 5}
    host.tasks(2, definition="a")
    host.tasks(4, queue="urgent", definition="b")
    host.look()
    assert (host.look(2).asked, host.launched()) == ({}, {MAIN: 2})


def test_an_instance_that_falls_silent_is_terminated_after_ten_minutes() -> None:
    """Not after five, when it is not counted on any more and another is asked for."""
    host = Bare()
    host.tasks(4)
    host.look()
    first = next(host.all())
    host.look(600)
    host.says(first, lanes={"small": 4}, free_vcpus=0, tasks=4)
    asked = [sum(host.look(55).asked.values()) for _ in range(10)]
    assert (sum(asked), host.ec2[MAIN].terminated) == (4, [])
    host.look(55)
    assert host.ec2[MAIN].terminated == [first]


@pytest.mark.parametrize("is_asked", [True, False])
def test_after_an_outage_nobody_is_called_silent_at_the_first_look(is_asked: bool) -> None:
    """An hour without looks: what machines said meanwhile nobody could hear. From then on ten minutes count."""
    host = Bare()
    host.tasks(4)
    host.look()
    first = next(host.all())
    if is_asked:
        host.says(first)
        host.look(60)
    host.look(3600)
    assert host.ec2[MAIN].terminated == []
    for _ in range(10):
        host.look(59)
    assert host.ec2[MAIN].terminated == []
    host.look(59)
    assert first in host.ec2[MAIN].terminated


def test_machines_that_speak_again_after_an_outage_go_on() -> None:
    """Their tasks are theirs still."""
    host = Bare()
    host.tasks(4)
    host.look()
    first = next(host.all())
    host.says(first, lanes={"small": 4}, free_vcpus=0)
    host.look(60)
    host.look(3600)
    host.says(first, lanes={"small": 4}, free_vcpus=0)
    for _ in range(12):
        host.look(58)
        host.says(first, lanes={"small": 4}, free_vcpus=0)
    assert host.ec2[MAIN].terminated == []


def _broken(host: Bare, minutes: int) -> int:
    """Instances that are launched while each says that it is there, runs nothing, and ends itself after three minutes."""
    since: dict[str, int] = {}
    for _ in range(minutes):
        host.look(60)
        for name in list(host.all()):
            since[name] = since.get(name, 0) + 1
            if since[name] > 3:
                host.ends(name)
            else:
                host.says(name)
    return len(since)


def test_machines_that_never_run_anything_are_not_bought_again_and_again() -> None:
    """Their workers die at once: one more is tried, each time later, and people hear why."""
    host = Bare()
    host.tasks(8)
    assert _broken(host, 120) <= 10
    assert (host.told()["rest"][MAIN]["count"] >= 4, host.told()["stuck"]) == (True, False)
    assert "ran nothing before it ended" in host.told()["why"]


def test_one_that_works_ends_the_rest() -> None:
    """All are asked for again."""
    host = Bare()
    host.tasks(8)
    _broken(host, 12)
    while not list(host.all()):
        host.look(60)
    host.says(next(host.all()), lanes={"small": 4}, free_vcpus=0, tasks=4)
    host.look(60)
    assert (host.look(1).asked, host.launched(), "rest" in host.told()) == ({}, {MAIN: 2}, False)


def test_a_machine_for_which_nothing_waits_ends_well() -> None:
    """What it came for was taken by others, or deleted."""
    host = Bare()
    host.tasks(4)
    host.look()
    first = next(host.all())
    host.says(first, lanes={"small": 4}, free_vcpus=0, tasks=4)
    host.tasks(4, running=4)
    host.look(60)
    host.tasks(0, running=4)
    (second,) = set(host.all()) - {first}
    for name in (second, first):
        host.says(name, **({"lanes": {"small": 4}, "free_vcpus": 0, "tasks": 4} if name == first else {}))
    host.look(60)
    host.ends(second)
    host.look(60)
    host.tasks(4, running=4)
    assert host.look(1).asked == {MAIN: 4}
