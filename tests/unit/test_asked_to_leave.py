"""Who is asked to leave when somebody names workers and machines, and what is said of names that name none."""

import json
from typing import Any

import pytest

from cyclone_core.errors import InvalidRequest
from cyclone_core.operations.leaving import Asked, Wanted, ask
from cyclone_core.scheduler.dynamo import keys, leaving, machine_items
from cyclone_core.scheduler.dynamo.machine_items import Machine
from cyclone_core.scheduler.dynamo.table import Table
from tests.dynamo.memory import MemoryDynamo

NOW = 1_800_000_000
CLUSTERS = ("big", "lab")


@pytest.fixture
def table() -> Table:
    """Three containers in two regions, one of which leaves; an instance and a machine that joined, with a slot each."""
    made = Table(MemoryDynamo(), "t")
    for name, state in {"eu-west-1/0a1b": "working", "us-east-1/0a2c": "idle", "us-east-1/77": "leaving"}.items():
        _say(made, name, "big", state)
    _say(made, "eu-west-1/i-1#40", "big", "working")
    _say(made, "lab/rack#41", "lab", "working")
    machine_items.write(made, Machine("big", "eu-west-1", "i-1", "EC2", "i-1", seen=NOW))
    machine_items.write(made, Machine("lab", "lab", "rack", instance="rack.example", seen=NOW))
    return made


def _say(table: Table, name: str, cluster: str, state: str) -> None:
    body = {"region": name.partition("/")[0], "cluster": cluster, "definition": "sim", "state": state}
    table.put((keys.worker_part(3), name), {"body": json.dumps(body), "expires": NOW + 300})


def _marked(table: Table) -> set[str]:
    workers = {worker.key[1] for worker in leaving.present(table, NOW) if worker.is_leaving}
    return workers | {machine.name for machine in machine_items.read(table, NOW) if machine.is_asked_to_leave}


def test_workers_and_machines_by_name(table: Table) -> None:
    """By a whole name, with its region or without, a beginning that one has, a machine's name or instance; its slots are asked with it."""
    asked = ask(table, Wanted(("0a1", "us-east-1/0a2c", "77"), ("i-1", "rack.example")), CLUSTERS, NOW)
    assert asked == Asked(("0a1b", "0a2c"), ("i-1", "rack"), ("rack",), ("77",))
    assert _marked(table) == {"eu-west-1/0a1b", "us-east-1/0a2c", "us-east-1/77", "i-1", "rack", "eu-west-1/i-1#40", "lab/rack#41"}


def test_everything_that_is_wrong_is_said_and_nobody_is_asked(table: Table) -> None:
    """Unknown, ambiguous, a slot, a machine among workers; a good name beside them is not asked either."""
    with pytest.raises(InvalidRequest) as caught:
        ask(table, Wanted(("0a1b", "0a", "0a2d", "", "i-1#40", "rack"), ("rock",), "gone"), (), NOW)
    assert [problem.path for problem in caught.value.problems][:1] == ["gone"]
    with pytest.raises(InvalidRequest) as caught:
        ask(table, Wanted(("0a1b", "0a", "0a2d", "i-1#40", "rack"), ("rock",)), CLUSTERS, NOW)
    told = {problem.path: str(problem) for problem in caught.value.problems}
    assert list(told) == ["0a", "0a2d", "i-1#40", "rack", "rock"]
    assert told["0a"] == "0a: 2 workers begin so: 0a1b, 0a2c. Write more of it"
    assert told["0a2d"].endswith("See hyper workers list-workers: did you mean 0a2c?")
    assert told["i-1#40"].endswith("it is a slot of machine i-1, which would start another one. Ask the machine: --machine i-1")
    assert told["rack"].endswith("it is a machine. Ask the machine: --machine rack")
    assert told["rock"].endswith("there is no such machine. See hyper workers list-machines: did you mean rack?")
    assert _marked(table) == {"us-east-1/77"}


@pytest.mark.parametrize(
    ("where", "names"),
    [({}, {"0a1b", "0a2c", "i-1", "rack"}), ({"region": "eu-west-1"}, {"0a1b", "i-1"}), ({"cluster": "lab"}, {"rack"})],
)
def test_all_of_a_place(table: Table, where: dict[str, Any], names: set[str]) -> None:
    """Containers and machines; slots are their machine's business."""
    asked = ask(table, Wanted(every=True, **where), CLUSTERS, NOW)
    assert {*asked.workers, *asked.machines} == names


def test_two_machines_of_one_name_are_told_apart_by_their_place(table: Table) -> None:
    """Their cluster, or their region."""
    machine_items.write(table, Machine("big", "lab", "rack", seen=NOW))
    with pytest.raises(InvalidRequest, match=r"2 machines are called so: big in lab; lab in lab\. Say which: --cluster"):
        ask(table, Wanted(machines=("rack",)), CLUSTERS, NOW)
    assert ask(table, Wanted(machines=("rack",), cluster="big"), CLUSTERS, NOW).machines == ("rack",)
