"""What tasks used is recorded where they ran: in their units, and in the worker's own item of the day."""

import json
import signal
import time
from types import SimpleNamespace
from typing import Any

import pytest

from cyclone_core.scheduler.dynamo import keys, price_items
from cyclone_core.scheduler.dynamo.table import Table
from cyclone_core.scheduler.remote.machine import Machine
from cyclone_core.scheduler.remote.notice import Instance
from cyclone_core.scheduler.remote.offer import Offer
from cyclone_core.scheduler.remote.usage import Usage, place_of_machine
from tests.dynamo.memory import MemoryDynamo
from tests.remote.host import ACCOUNT, FAR_REGION, REGION, Host

PLACE = "eu-west-1 m6i.large spot 0.0345"


def _rows(host: Host) -> dict[str, list[int]]:
    """Of the items of today and yesterday: a test may run at midnight."""
    days = {time.strftime("%Y-%m-%d", time.gmtime(time.time() - back)) for back in (0, 3600)}
    items = [item for day in days for shard in range(keys.SHARDS) for item in host.table.query(keys.usage_part(day, shard))]
    return {name: row for item in items for name, row in json.loads(item["body"])["rows"].items()}


def test_attempts_are_paid_for_where_they_ran(host: Host) -> None:
    """Two attempts of two vCPUs: the job has their vCPU milliseconds, and so has the worker's day, by queue, user and place."""
    worker = host.worker(CYCLONE_PLACE=PLACE, CYCLONE_LANE='{"vcpus": 2}')
    job = host.submit("sleep 0.2; test $CYCLONE_ATTEMPT = 2", retries=1)
    assert host.over(job) == [1, 0, 0, 0]
    used = host.units(job)[0].used
    assert list(used) == [PLACE]
    assert used[PLACE] >= 2 * 2 * 200
    worker.signal(signal.SIGTERM)
    assert worker.ends() == 0
    assert _rows(host) == {f"default|somebody|{PLACE}": [2, used[PLACE]]}


class _Spot(Instance):
    """An instance that tells what it is."""

    def get(self, path: str) -> str:
        told = {"instance-type": "m6i.large", "instance-life-cycle": "spot", "placement/availability-zone": "eu-west-1b"}
        return told.get(path, "")


def test_a_place_has_the_price_of_its_zone(host: Host) -> None:
    """That of a vCPU hour, as the router told it; what nobody tells is a question mark."""
    environ = {"CYCLONE_HOST": host.name, "CYCLONE_ACCOUNT": ACCOUNT, "CYCLONE_MAIN_REGION": REGION, "CYCLONE_REGION": FAR_REGION}
    machine = Machine({**environ, "CYCLONE_DEFINITION": "default", "CYCLONE_CLUSTER": "big"})
    usage = Usage(machine, host.table)
    usage.begin(_Spot())
    assert usage.place == "eu-west-1 m6i.large spot ?"
    nowhere = Table(host.aws, "nowhere")
    Usage(machine, nowhere).begin(_Spot())  # it does not answer: that keeps no worker from saying that it is there
    price_items.write(host.table, FAR_REGION, {"vcpus": {"m6i.large": 2}, "spot": {"m6i.large": {"a": 0.01, "b": 0.0431}}})
    usage.begin(_Spot())
    assert usage.place == "eu-west-1 m6i.large spot 0.02155"


@pytest.mark.parametrize(("told", "place"), [({}, "m6i.large spot 0.02155"), ({"CYCLONE_USD": "0.5"}, "m6i.large spot 0.5")])
def test_an_instance_with_slots_tells_its_price_to_its_workers(host: Host, told: dict[str, str], place: str) -> None:
    """They are not asked for it: who started the machine may have said another one."""
    price_items.write(host.table, FAR_REGION, {"vcpus": {"m6i.large": 2}, "spot": {"m6i.large": {"a": 0.01, "b": 0.0431}}})
    environ = {"CYCLONE_HOST": host.name, "CYCLONE_ACCOUNT": ACCOUNT, "CYCLONE_MAIN_REGION": REGION, "CYCLONE_REGION": FAR_REGION}
    offer = Offer({**environ, "CYCLONE_CLUSTER": "big", "CYCLONE_GPUS": "0", "CYCLONE_PURCHASE": "spot", **told})
    assert place_of_machine(host.table, offer, "m6i.large", "eu-west-1b") == f"eu-west-1 {place}"
    assert place_of_machine(host.table, offer, "", "").startswith("eu-west-1 ? spot ")


def test_a_worker_with_the_process_number_of_another_leaves_its_item_alone(host: Host) -> None:
    """In a container that is started again numbers are the same, on the same day."""
    environ = {"CYCLONE_HOST": host.name, "CYCLONE_ACCOUNT": ACCOUNT, "CYCLONE_MAIN_REGION": REGION, "CYCLONE_REGION": "lab"}
    environ |= {"CYCLONE_DEFINITION": "default", "CYCLONE_CLUSTER": "big", "CYCLONE_MACHINE": "m"}
    start = time.time()
    for queue, came in (("one", start), ("two", start + 0.5)):
        usage = Usage(Machine(environ, 7), host.table, lambda came=came: came)  # type: ignore[misc]
        usage.add(queue, "somebody", 1_000_000)
        usage.say(last=True)
    assert set(_rows(host)) >= {"one|somebody|lab ? ? ?", "two|somebody|lab ? ? ?"}


def test_slots_that_were_given_back_are_not_counted_any_more() -> None:
    """Four slots of two vCPUs for ten seconds, then one for thirty; after midnight only what it still has."""
    machine: Any = SimpleNamespace(region="lab", identity="lab/m#1", lane={"vcpus": 2}, width=4)
    clock, table = [1_795_348_800.0], Table(MemoryDynamo(), "t")
    usage = Usage(machine, table, lambda: clock[0])
    clock[0] += 10
    usage.narrow(1)
    found = usage.body(clock[0] + 30)
    assert (found["up_ms"], found["vcpus"]) == (4 * 2 * 10_000 + 1 * 2 * 30_000, 2)
    clock[0] += 86_400
    usage.say()
    midnight = clock[0] // 86_400 * 86_400
    assert usage.body(midnight + 5)["up_ms"] == 2 * 5_000
