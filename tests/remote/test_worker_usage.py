"""What tasks used is recorded where they ran: in their units, and in the worker's own item of the day."""

import json
import signal
import time

from cyclone_core.scheduler.dynamo import keys
from tests.remote.host import Host

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
