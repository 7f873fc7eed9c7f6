"""What a machine with several slots says of itself in the table: at its start, when it changes, now and then, and that it is gone.

The answer to its own word is how it hears that somebody asked it to leave.
"""

import time
from dataclasses import replace

from cyclone_core import __version__
from cyclone_core.errors import CycloneError
from cyclone_core.scheduler.dynamo import machine_items
from cyclone_core.scheduler.dynamo.machine_items import EC2, IDLE, LEAVING, ONPREM, WORKING, Machine
from cyclone_core.scheduler.remote import clock, usage
from cyclone_core.scheduler.remote.log import log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cyclone_core.scheduler.dynamo.table import Table
    from cyclone_core.scheduler.remote.calls import Calls
    from cyclone_core.scheduler.remote.children import Children
    from cyclone_core.scheduler.remote.notice import Instance
    from cyclone_core.scheduler.remote.offer import Offer
    from cyclone_core.scheduler.remote.slots import Slots

    Error = CycloneError | OSError | None

SAY_S, SAY_BUSY_S, SAY_CHANGE_S = 60.0, 15.0, 3.0
"""Between two words of the machine: while nothing changes, while tasks come and go, and at least."""
_PURCHASES = {"spot": "spot", "on-demand": "ondemand", "capacity-block": "ondemand"}
"""What the metadata service calls them."""


class MachineWords:
    """See the module. `is_unwanted`: somebody asked it to leave; `calls`: words that are under way."""

    def __init__(self, offer: "Offer", table: "Table", slots: "Slots", children: "Children", calls: "Calls") -> None:
        self._offer, self._table, self._slots, self._children, self.calls = offer, table, slots, children, calls
        self._said, self.say_at = Machine(offer.cluster, offer.region, offer.name), 0.0
        self.is_unwanted = self._is_known = self._is_unheard = False
        """known: a word of it was heard; unheard: the last one was not"""

    def begin(self, instance: "Instance") -> None:
        """Learn what this machine is, as far as somebody tells."""
        offer = self._offer
        instance_type, zone = "", ""
        if offer.is_instance and (found := instance.name()):
            offer.instance = found
            instance_type, zone = instance.get("instance-type"), instance.get("placement/availability-zone")
            offer.purchase = offer.purchase or _PURCHASES.get(instance.get("instance-life-cycle"), "")
        offer.name, offer.purchase = offer.name or offer.instance, offer.purchase or ("ondemand" if offer.is_instance else "own")
        self._children.place = usage.place_of_machine(self._table, offer, instance_type, zone)
        self._said = replace(
            self._said, name=offer.name, launch=EC2 if offer.is_instance else ONPREM, instance=offer.instance, instance_type=instance_type,
            purchase=offer.purchase, zone=zone, usd=offer.usd, vcpus=offer.vcpus, memory_mib=offer.memory_mib, gpus=offer.gpus,
            started=int(time.time()), request=offer.request, version=__version__,
        )  # fmt: skip
        gpus = f", {offer.gpus} GPUs" if offer.gpus else ""
        what = f"offers {offer.vcpus:,} vCPUs, {offer.memory_mib:,} MiB of memory{gpus}"
        log(f"machine {offer.name} in {offer.region} {what} to cluster {offer.cluster} of host {offer.host} ({offer.main_region})")

    def say(self, now: float, is_leaving: bool) -> None:
        """Say what is news, or has not been said for long."""
        if self.calls.open or now < self.say_at:
            return
        found = self._state(is_leaving)
        is_other = (found.state, found.lanes) != (self._said.state, self._said.lanes)
        is_news = (found.tasks, found.done) != (self._said.tasks, self._said.done)
        if is_other or self._is_unheard or now >= self.say_at - SAY_CHANGE_S + (SAY_BUSY_S if is_news else SAY_S):
            self._said, self.say_at = found, now + SAY_CHANGE_S
            self.calls.start(machine_items.write, self._table, found, not self._is_known, done=self._heard)

    def _state(self, is_leaving: bool) -> Machine:
        left, (running, done) = self._slots.free, self._children.counts()
        state = LEAVING if is_leaving else WORKING if self._children.all else IDLE
        return replace(
            self._said, state=state, lanes=self._children.widths(), tasks=running, done=done, seen=int(time.time()),
            free_vcpus=max(0, left.vcpus), free_memory_mib=max(0, left.memory_mib), free_gpus=max(0, left.gpus),
        )  # fmt: skip

    def ask_to_leave(self) -> None:
        """Say it as if somebody had asked: what runs ends here, and wants no other instance meanwhile."""
        self._said = replace(self._said, is_asked_to_leave=True)

    def _heard(self, is_unwanted: bool | None, error: "Error") -> None:
        self._is_known, self._is_unheard = self._is_known or error is None, error is not None
        if error is not None:
            self.say_at = clock.seconds() + SAY_CHANGE_S
        self.is_unwanted = self.is_unwanted or bool(is_unwanted)

    def end(self) -> None:
        """This machine is gone."""
        try:
            machine_items.forget(self._table, self._said)
        except CycloneError as exc:
            log(f"its item stays for some minutes: {exc}")
