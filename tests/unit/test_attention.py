"""What of a host needs attention: each rule with a case that is told and one that is not."""

from cyclone_core.jobs import FAILED, SUCCESSFUL
from cyclone_core.operations import attention
from cyclone_core.operations.attention import Attention, Disk

GIB = 2**30
NOW = 1_700_000_000.0


def texts(found: list[Attention]) -> list[str]:
    """What is told, in one line each."""
    return [f"{one.level} {one}" for one in found]


def test_open_work_without_a_supervisor_is_told() -> None:
    """With the command that starts it."""
    found = attention.health_attention("lab", "stopped", (3, 1, 0, 0, 0, 0), "/log")
    assert texts(found) == ["error the supervisor is not running: 4 tasks are open. hyper hosts start lab"]


def test_a_stopped_host_without_work_is_at_rest() -> None:
    """Nothing waits, nothing is told; and a running one does its work."""
    assert attention.health_attention("lab", "stopped", (0, 0, 9, 9, 0, 0), "/log") == []
    assert attention.health_attention("lab", "running", (3, 1, 0, 0, 0, 0), "/log") == []


def test_a_supervisor_that_does_not_answer_has_a_log() -> None:
    """Starting it again would not help."""
    assert attention.health_attention("lab", "not answering", (0,) * 6, "/log")[0].remedy == "tail /log"


def test_commands_name_a_host_that_is_not_selected() -> None:
    """`purge` calls it --name."""
    found = attention.health_attention("lab", "full disk", (0,) * 6, "/log", " --host lab")
    assert found[0].remedy == "hyper hosts purge --older-than 30d --name lab"


def test_a_disk_that_is_nearly_full_is_told_in_round_figures() -> None:
    """A few bytes more or less are the same entry."""
    one, other = (attention.disk_attention("lab", Disk(free, 500 * GIB)) for free in (612 * 2**20, 640 * 2**20))
    assert one == other
    assert texts(one) == ["warning disk nearly full: 600 MiB left. hyper hosts purge --older-than 30d"]


def test_a_disk_with_room_is_not_told() -> None:
    """A twentieth free, or 20 GiB of a very large one."""
    for disk in (Disk(2 * GIB, 10 * GIB), Disk(21 * GIB, 1000 * GIB), None):
        assert attention.disk_attention("lab", disk) == []


def test_equal_hindrances_are_told_once() -> None:
    """A paused queue with two definitions is one thing to do."""
    pause = ("queue 'q' is paused", "", "hyper queues update-queue --name q --no-paused")
    found = attention.never_attention([("q", "a", 5, *pause), ("q", "b", 5, *pause)])
    assert texts(found) == ["warning queue 'q' is paused: 5 tasks wait. hyper queues update-queue --name q --no-paused"]


def test_only_failed_resources_are_told() -> None:
    """One that is being made is on its way."""
    rows = [("image", "base", "FAILED", "no such package\nlog"), ("image", "new", "CREATING", "")]
    assert texts(attention.resource_attention(rows)) == [
        "warning image base is FAILED: no such package. hyper images list-images --name base"
    ]


def test_many_failures_among_the_last_jobs_are_told() -> None:
    """With the last one of them, for an hour."""
    finished = [(9, SUCCESSFUL, NOW), *((job, FAILED, NOW - 9 + job) for job in (8, 7, 6, 5, 4))]
    assert texts(attention.failure_attention(finished, NOW)) == ["warning 5 of the last 6 jobs failed: the last one was job 8. qlog -i 8"]
    assert attention.failure_attention(finished, NOW + 4000) == []
    assert attention.failure_attention(finished[:5], NOW) == []


def test_failures_among_many_successes_are_not_told() -> None:
    """Half of the last ones is what makes it a matter of its own."""
    finished = [(job, FAILED if job < 5 else SUCCESSFUL, NOW) for job in range(20)]
    assert attention.failure_attention(finished, NOW) == []


def test_workers_that_die_one_after_the_other_are_told() -> None:
    """Three within an hour; other events and older ones do not count."""
    events = [(number, NOW, "worker", str(number), "died: 1 task of it waits again") for number in (5, 4)]
    late = (3, NOW - 10, "worker", "3", "died")
    others = [(2, NOW - 4000, "worker", "2", "died"), (1, NOW, "host", "lab", "supervisor started after a crash")]
    assert attention.death_attention([*events, *others], NOW) == []
    assert texts(attention.death_attention([*events, late], NOW)) == [
        "warning workers die: 3 within the last hour. hyper events list-events"
    ]
