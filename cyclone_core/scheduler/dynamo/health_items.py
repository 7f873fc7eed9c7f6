"""How workers of each cluster came in each region lately, and where its lanes stand on their fallback chains: HEALTH items.

Only the scaler writes them, because it sees what becomes of requests; the router weighs regions by them, and whoever asks is shown them.

    body (JSON) of an item: `health.to_body`
"""

import json
from collections.abc import Mapping

from cyclone_core.scheduler import health
from cyclone_core.scheduler.dynamo import keys
from cyclone_core.scheduler.dynamo.table import Table
from cyclone_core.scheduler.health import Health

Where = tuple[str, str]
"""(cluster, region)"""


def read(table: Table) -> dict[Where, Health]:
    """All that is known. Raises AwsError."""
    found = {}
    for item in table.query(keys.HEALTH):
        cluster, _, region = str(item["sk"]).rpartition("#")
        found[cluster, region] = health.of_body(json.loads(item["body"]))
    return found


def keep(table: Table, before: Mapping[Where, Health], now: Mapping[Where, Health]) -> None:
    """Write down what became known, and forget clusters and regions that are not in it. before: as it was read. Raises AwsError."""
    for where, each in now.items():
        if each != before.get(where):
            table.put(_key(where), {"body": json.dumps(health.to_body(each), separators=(",", ":"))})
    for where in before.keys() - now.keys():
        table.delete(_key(where))


def _key(where: Where) -> tuple[str, str]:
    return keys.HEALTH, f"{where[0]}#{where[1]}"
