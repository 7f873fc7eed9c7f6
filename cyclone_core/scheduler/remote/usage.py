"""What a worker's tasks used, and what that costs: an item of each day that only this worker writes, whole each time.

pk U#DAY#SHARD, sk the worker's identity and when it came, for process numbers come again    expires: seconds since 1970, KEPT_DAYS on
body (JSON)  at (seconds since 1970), rows {"QUEUE|USER|PLACE": [attempts, vCPU milliseconds]}, busy_ms and up_ms (vCPU milliseconds that
             tasks used, and that this worker was there), vcpus, place

A *place* is `REGION TYPE PURCHASE USD`: instance type, spot, ondemand or own, and the price of a vCPU hour when the worker came; `?` for
what nobody tells. It counts every attempt that ended here, also one whose result another worker's took the place of: it was paid for.
What a killed worker used since it last said something, a minute at most, is not counted. Units say the same of their own attempts (`us`).
"""

import json
import os
import time
from zlib import crc32

from cyclone_core.errors import CycloneError
from cyclone_core.scheduler.dynamo import keys, price_items

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from cyclone_core.scheduler.dynamo.table import Table
    from cyclone_core.scheduler.remote.machine import Machine
    from cyclone_core.scheduler.remote.notice import Instance
    from cyclone_core.scheduler.remote.offer import Offer

KEPT_DAYS = 400
UNKNOWN = "?"
_DAY_S = 86_400
_PURCHASES = {"spot": "spot", "on-demand": "ondemand", "capacity-block": "ondemand"}
"""What the metadata service calls them."""


def price(table: "Table", region: str, kind: str, purchase: str, zone: str) -> "float | None":
    """USD of a vCPU hour of an instance, as the router told it last; None where nobody knows or the table does not answer now."""
    try:
        prices = price_items.read(table, region) if kind and purchase != UNKNOWN else None
    except CycloneError:
        return None  # the list price counts then
    return price_items.usd(prices, kind, purchase, zone) if prices else None


def place(region: str, kind: str, purchase: str, usd: "float | None") -> str:
    """A place as usage is counted by; kind and purchase "", usd None: nobody tells."""
    return f"{region} {kind or UNKNOWN} {purchase or UNKNOWN} {UNKNOWN if usd is None else f'{usd:.6f}'.rstrip('0').rstrip('.')}"


def place_of_machine(table: "Table", offer: "Offer", kind: str, zone: str) -> str:
    """That of a machine with slots, which its workers are told: with the price that who started it says, else the router's."""
    usd = offer.usd
    if usd is None and kind:
        usd = price(table, offer.region, kind, offer.purchase, zone)
    return place(offer.region, kind, offer.purchase, usd)


class Usage:
    """See the module. `add` and `narrow` are called by the loop, the rest in a thread; each only replaces or grows what the other reads."""

    def __init__(self, machine: "Machine", table: "Table", wall: "Callable[[], float]" = time.time) -> None:
        self._machine, self._table, self._wall = machine, table, wall
        self.place = os.environ.get("CYCLONE_PLACE") or f"{machine.region} {UNKNOWN} {UNKNOWN} {UNKNOWN}"
        self.vcpus: int = machine.lane["vcpus"]
        """of a task"""
        self._since = wall()
        self._widths: tuple[tuple[float, int], ...] = ((self._since, machine.width),)
        """since when it had how many slots, in order"""
        self._identity = f"{machine.identity}@{int(self._since * 1000)}"
        self._rows: dict[str, list[int]] = {}
        self._busy_ms = self._said_ms = 0
        self._day = int(self._since) // _DAY_S

    def begin(self, instance: "Instance") -> None:
        """Learn what this machine is and costs; who started the worker may have told."""
        if os.environ.get("CYCLONE_PLACE"):
            return
        kind, purchase = instance.get("instance-type"), _PURCHASES.get(instance.get("instance-life-cycle"), UNKNOWN)
        if kind:
            usd = price(self._table, self._machine.region, kind, purchase, instance.get("placement/availability-zone"))
            self.place = place(self._machine.region, kind, purchase, usd)

    def add(self, queue: str, user: str, duration_us: int) -> None:
        """An attempt has ended here."""
        used = vcpu_ms(duration_us, self.vcpus)
        row = self._rows.setdefault(f"{queue}|{user}|{self.place}", [0, 0])
        row[0] += 1
        row[1] += used
        self._busy_ms += used

    def narrow(self, width: int) -> None:
        """Slots were given back; it has so many now, and what it was there with more of them stays as it was."""
        self._widths += ((self._wall(), width),)

    def say(self, last: bool = False) -> None:
        """Write what was used today, where that is news; last: this worker ends. Raises AwsError."""
        now = self._wall()
        day = int(now) // _DAY_S
        if day == self._day and not last and self._busy_ms == self._said_ms:
            return
        self._put(min(now, (self._day + 1) * _DAY_S))
        if day != self._day:
            self._rows, self._busy_ms, self._said_ms, self._since, self._day = {}, 0, 0, float(day * _DAY_S), day

    def _put(self, until: float) -> None:
        self._said_ms = self._busy_ms
        day = time.strftime("%Y-%m-%d", time.gmtime(self._day * _DAY_S))
        identity = self._identity
        body = json.dumps(self.body(until), separators=(",", ":"))
        item = {"body": body, "expires": (self._day + KEPT_DAYS) * _DAY_S}
        self._table.put((keys.usage_part(day, crc32(identity.encode())), identity), item)

    def body(self, until: float) -> "dict[str, Any]":
        """What is said."""
        return {
            "at": int(until), "rows": dict(self._rows), "busy_ms": self._busy_ms,
            "up_ms": self._up_ms(until), "vcpus": self.vcpus * self._widths[-1][1], "place": self.place,
        }  # fmt: skip

    def _up_ms(self, until: float) -> int:
        """vCPU milliseconds of the day for which this worker was there."""
        widths, found = self._widths, 0
        for number, (came, width) in enumerate(widths):
            end = min(until, widths[number + 1][0]) if number + 1 < len(widths) else until
            found += max(0, int((end - max(came, self._since)) * 1000)) * width
        return found * self.vcpus


def vcpu_ms(duration_us: int, vcpus: int) -> int:
    """What an attempt used, vCPU milliseconds, one at least."""
    return max(1, duration_us * vcpus // 1000)
