"""What a machine runs to its end, because somebody asked it to leave, is nobody else's to run: no instance is bought for it."""

import json

import pytest

from cyclone_core.scheduler.dynamo import keys, machine_items
from tests.scaler.bare import MAIN, Bare


def _running() -> tuple[Bare, str]:
    """A host whose instance runs two tasks, and its name."""
    host = Bare()
    host.tasks(2)
    host.look()
    (name,) = host.all()
    host.tasks(0, running=2)
    body = {"region": MAIN, "cluster": "big", "definition": "small", "state": "working", "slots": [2, 2]}
    host.table.put((keys.worker_part(1), f"{MAIN}/{name}#7"), {"body": json.dumps(body), "expires": host.now // 1000 + 900})
    host.says(name, lanes={"small": 2}, free_vcpus=2, tasks=2, state="working")
    return host, name


@pytest.mark.parametrize(("waiting", "asked"), [(0, {}), (1, {MAIN: 1})])
def test_only_for_what_waits_another_instance_is_asked_for(waiting: int, asked: dict[str, int]) -> None:
    """From the first look after the question, before the machine and its slots have heard it."""
    host, name = _running()
    assert host.look(60).asked == {}
    (machine,) = machine_items.read(host.table, host.now / 1000)
    machine_items.ask_to_leave(host.table, machine)
    host.tasks(waiting, running=2)
    assert host.look(1).asked == asked
    host.says(name, lanes={}, free_vcpus=2, tasks=2, state="leaving")
    assert host.look(60).asked == {}


def test_tasks_on_capacity_that_is_taken_back_need_another_place() -> None:
    """Such a machine leaves too, and will not end them."""
    host, name = _running()
    host.says(name, lanes={"small": 2}, free_vcpus=2, tasks=2, state="leaving")
    assert host.look(60).asked == {MAIN: 2}
