"""What instances cost in each region: PRICE items, written by the router, read by workers for what they use, and by whoever asks. Lean.

body (JSON, deflated)  at (ms: when the spot prices were read), vcpus {type: vCPUs}, spot {type: {zone letter: USD an hour}},
                       ondemand {type: USD an hour}, ondemand_date (of the price table, ISO)

Types are those that the host's clusters may start there.
"""

from zlib import compress, decompress

from cyclone_core.aws.lean import jsons
from cyclone_core.scheduler.dynamo import keys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from cyclone_core.scheduler.dynamo.table import Table

    Body = dict[str, Any]


def read(table: "Table", region: str) -> "Body | None":
    """Prices of a region, None while none are known. Raises AwsError."""
    item = table.get((keys.PRICE, region))
    return jsons.loads(decompress(item["body"])) if item else None


def read_all(table: "Table") -> "dict[str, Body]":
    """Those of all regions. Raises AwsError."""
    return {item["sk"]: jsons.loads(decompress(item["body"])) for item in table.query(keys.PRICE)}


def write(table: "Table", region: str, body: "Mapping[str, Any]") -> None:
    """Tell the prices of a region. Raises AwsError."""
    table.put((keys.PRICE, region), {"body": compress(jsons.text(dict(body), True).encode(), 9)})


def usd(body: "Mapping[str, Any]", kind: str, purchase: str, zone: str = "") -> "float | None":
    """USD of a vCPU hour of an instance type, None where nobody knows. purchase: spot or ondemand; zone: `eu-west-1a`, `a`, or "" for the
    cheapest."""
    vcpus = body.get("vcpus", {}).get(kind)
    if not vcpus:
        return None
    if purchase == "spot":
        zones = body.get("spot", {}).get(kind) or {}
        hour = zones.get(zone[-1:]) if zone else min(zones.values(), default=None)
    else:
        hour = body.get("ondemand", {}).get(kind)
    return hour / vcpus if hour else None
