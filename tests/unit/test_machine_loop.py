"""A machine's parent with a table in memory and children that only wait: what it starts, and why it leaves."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from cyclone_core.errors import RegionUnavailable
from cyclone_core.scheduler.dynamo import keys
from cyclone_core.scheduler.remote import clock
from cyclone_core.scheduler.remote.children import Children
from cyclone_core.scheduler.remote.machine_mode import MachineMode
from cyclone_core.scheduler.remote.machine_words import SAY_CHANGE_S
from cyclone_core.scheduler.remote.offer import Offer

WAITS = ("/bin/sh", "-c", "trap 'exit 0' TERM USR1; while :; do sleep 0.05; done")
STAYS = ("/bin/sh", "-c", "trap 'exit 0' TERM; trap '' USR1; while :; do sleep 0.05; done")
TAKEN = {"spot/instance-action": '{"action": "terminate"}'}
LIKELY = {"events/recommendations/rebalance": '{"noticeTime": "now"}'}
FAILS = ("/bin/sh", "-c", "exit 1")
BODIES: dict[str, dict[str, dict[str, Any]]] = {
    "queue": {"q": {"cluster": "big"}},
    "definition": {"sim": {"name": "sim", "vcpus": 1, "memory_limit_mib": 16}},
}


class Table:
    """TOTALS and MACHINE items. `silent`: nobody answers; `leave`: whoever says something is asked to leave."""

    def __init__(self, waiting: int) -> None:
        self.waiting, self.silent, self.leave, self.said, self.deleted = waiting, False, False, list[dict[str, Any]](), False
        self.leaves = False
        """whether it was said that what runs ends here"""
        self.forgot: list[bool] = []
        """of each word whether it removed what another of this name was asked"""

    def query(self, partition: str, *, consistent: bool = False) -> list[dict[str, Any]]:
        """What waits."""
        if self.silent:
            raise RegionUnavailable("dynamodb does not answer")
        return [{"pk": keys.TOTALS, "sk": "q#sim#0", "c0": self.waiting}] if partition == keys.TOTALS else []

    def update(self, key: tuple[str, str], *, set: Mapping[str, Any]) -> dict[str, Any]:
        """A word of the machine."""
        self.forgot.append("leave" in set and set["leave"] is None)
        self.leaves = self.leaves or set.get("leave") == 1
        if self.silent:
            raise RegionUnavailable("dynamodb does not answer")
        self.said.append(json.loads(set["body"]))
        return {"leave": 1} if self.leave else {}

    def get(self, key: tuple[str, str]) -> None:
        """Nobody has told prices."""

    def delete(self, key: tuple[str, str]) -> None:
        """It is gone."""
        self.deleted = True


class Records:
    """The host's resources."""

    def bodies(self) -> dict[str, dict[str, dict[str, Any]]]:
        """They."""
        return BODIES


class Instance:
    """An instance whose metadata say what a test says."""

    is_there = True

    def __init__(self, **told: str) -> None:
        self.told = {"instance-id": "i-1", "instance-type": "c7g.large", "instance-life-cycle": "spot", **told}

    def name(self) -> str:
        """Its id."""
        return self.get("instance-id")

    def is_interrupted(self) -> bool:
        """Whether it is taken back."""
        return bool(self.get("spot/instance-action"))

    def get(self, path: str) -> str:
        """One of them."""
        return self.told.get(path, "")


class Own(Children):
    """Those of a machine within the process of the tests, whose other children are none of its business."""

    def end_orphans(self) -> None:
        """A sandbox or a database that other tests have started is no orphan."""


Start = Callable[..., MachineMode]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Makes a machine; afterwards nothing of it runs, and signals mean what they did."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)}
    made: list[MachineMode] = []

    def machine(table: Table, program: tuple[str, ...] = WAITS, instance: Instance | None = None, **told: str) -> MachineMode:
        environ = {
            "CYCLONE_HOST": "grid", "CYCLONE_ACCOUNT": "1", "CYCLONE_MAIN_REGION": "r", "CYCLONE_REGION": "lab", "CYCLONE_CLUSTER": "big",
            "CYCLONE_VCPUS": "2", "CYCLONE_MEMORY_MIB": "1000", "CYCLONE_WORKER_DIR": str(tmp_path), "PATH": os.environ["PATH"],
            "CYCLONE_LAUNCH": "EC2" if instance else "ONPREM", **told,
        }  # fmt: skip
        offer = Offer(environ)
        fakes: Any = table, Records(), Own(offer, environ, program), instance or Instance()
        made.append(MachineMode(offer, *fakes))
        return made[-1]

    yield machine
    for one in made:
        one.children.kill()
        while one.children.all:
            one.children.reap()
    signal.set_wakeup_fd(-1)
    for number, handler in before.items():
        signal.signal(number, handler)


def _until(machine: MachineMode, look: Callable[[], object]) -> None:
    end = time.monotonic() + 90
    machine.words.begin(machine.instance)
    while not look():
        assert time.monotonic() < end
        machine._step()


def test_what_waits_is_started_as_far_as_there_is_room(start: Start) -> None:
    """And said: where, what, at which price."""
    table = Table(waiting=5)
    machine = start(table, instance=Instance(), CYCLONE_USD="0.02")
    _until(machine, lambda: any(one["lanes"] for one in table.said))
    said = table.said[-1]
    assert (said["name"], said["purchase"], said["usd"], said["lanes"], said["free_vcpus"]) == ("i-1", "spot", 0.02, {"sim": 2}, 0)
    assert machine.children.place == "lab c7g.large spot 0.02"


def test_children_that_die_at_once_are_not_started_over_and_over(start: Start) -> None:
    """Each time later."""
    machine = start(Table(waiting=1), FAILS)
    _until(machine, lambda: machine.children.rests("sim"))
    assert machine.children.all == {}
    machine._pack(machine.ask_at)
    assert machine.children.all == {}


def test_children_that_die_at_once_keep_no_instance(start: Start) -> None:
    """Only the first counts as work: whoever pays for it would pay for ever."""
    machine = start(Table(waiting=1), FAILS, instance=Instance())
    _until(machine, lambda: machine.children.struggles("sim"))
    busy_at, until = machine.busy_at, time.monotonic() + 90
    while not machine.children.all:
        assert time.monotonic() < until
        machine._step()
    machine._step()
    assert machine.busy_at == busy_at


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (TAKEN, "its spot capacity is taken back"),
        (LIKELY, "its spot capacity is likely to be taken back"),
    ],
)
def test_an_instance_that_will_be_taken_away_lets_its_tasks_end(start: Start, told: dict[str, str], why: str) -> None:
    """Its children are told to take nothing more; it is gone when they are, and starts no others."""
    table, instance = Table(waiting=1), Instance()
    machine = start(table, instance=instance)
    _until(machine, lambda: machine.children.all)
    instance.told |= told
    machine.notice_at = 0.0
    assert machine.run() == 0
    assert machine.why == why
    assert table.deleted


@pytest.mark.parametrize(("told", "ends_here"), [(TAKEN, False), (LIKELY, True)])
def test_what_runs_where_capacity_may_be_taken_back_ends_there(start: Start, told: dict[str, str], ends_here: bool) -> None:
    """It may take hours, in which no other instance is bought for it; what is taken back in two minutes needs another."""
    table, instance = Table(waiting=1), Instance()
    machine = start(table, STAYS, instance=instance)
    _until(machine, lambda: machine.children.all)
    instance.told |= told
    machine.notice_at, until = 0.0, time.monotonic() + 90
    while not table.said or table.said[-1]["state"] != "leaving":
        assert time.monotonic() < until
        machine._step()
    assert table.leaves == ends_here


def test_a_machine_that_is_asked_to_leave_leaves(start: Start) -> None:
    """It hears it in the answer to its own word."""
    table = Table(waiting=1)
    table.leave = True
    machine = start(table)
    assert machine.run() == 0
    assert machine.why == "somebody asked it to leave"


def test_what_another_of_its_name_was_asked_does_not_concern_a_machine(start: Start) -> None:
    """Its first word takes that away, the others do not."""
    table = Table(waiting=1)
    machine = start(table)
    _until(machine, lambda: len(table.said) > 1)
    assert table.forgot == [True, False]


def test_a_word_that_nobody_heard_is_soon_said_again(start: Start) -> None:
    """Not a minute later; and it is still the first one."""
    table = Table(waiting=0)
    table.silent = True
    machine = start(table)
    _until(machine, lambda: table.forgot and not machine.words.calls.open)
    assert clock.seconds() < machine.words.say_at <= clock.seconds() + SAY_CHANGE_S
    table.silent, machine.words.say_at = False, 0.0
    machine.words.say(clock.seconds(), False)
    _until(machine, lambda: table.said)
    assert table.forgot == [True, True]


def test_only_an_instance_leaves_because_nothing_runs_or_nobody_answers(start: Start) -> None:
    """A machine of one's own stays, and goes on asking."""
    silent = Table(waiting=0)
    silent.silent = True
    assert start(silent, instance=Instance(), CYCLONE_SILENT_S="0.3").run() == 0
    idle = start(Table(waiting=0), instance=Instance(), CYCLONE_IDLE_S="0.3")
    assert idle.run() == 0
    assert idle.why == "nothing has run for 0.3 s"
    own = start(silent, CYCLONE_IDLE_S="0.3", CYCLONE_SILENT_S="0.3")
    _until(own, lambda: own.silent_since)
    for _ in range(3):
        own._step()
    assert own.why == ""
