"""What a worker says of itself in the table, for whoever looks at workers: at its start, each minute, and that it is gone at its end.

pk W#SHARD, sk REGION/BATCH-JOB-ID    expires: seconds since 1970, five minutes on: of a worker that is silent nothing is left;
                leave: 1 when the scaler wants its place for others (`dynamo.leaving`), which is heard whenever it says something;
                the first word takes away what another of this name was asked, which was killed and whose item is still there
body (JSON)     region, cluster, definition, instance, environment (of AWS Batch), started and seen (seconds since 1970),
                state (working, idle, leaving), task (what runs), done (tasks that ended here),
                cpu (cores used since the last time), memory_mib,
                slots ([tasks that run, most at once], where that is more than one)
"""

import json
import os
from zlib import crc32

from cyclone_core import __version__
from cyclone_core.scheduler.dynamo import keys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cyclone_core.scheduler.dynamo.table import Table
    from cyclone_core.scheduler.remote.clock import Clock
    from cyclone_core.scheduler.remote.machine import Machine
    from cyclone_core.scheduler.remote.notice import Instance
    from cyclone_core.scheduler.remote.usage import Usage

SAY_S, SAY_FIRST_S = 60.0, 8.0
"""Between two words; the first one is said before there is any work, so another follows soon."""
LIVES_S = 300


class Words:
    """See the module. `is_leaving`, `running`, `done`, `slots` are set by the loop; the rest runs in threads, and so sets `is_unwanted`."""

    def __init__(self, machine: "Machine", table: "Table", usage: "Usage", clock: "Clock") -> None:
        self._machine, self._table, self._usage, self._clock = machine, table, usage, clock
        self.is_leaving, self.running, self.done, self.is_unwanted = False, "", 0, False
        self.slots = (0, machine.width)
        self._started, self._instance = clock.wall(), ""
        self._said_at = self._said_cpu_at = self._cpu_s = 0.0
        self._said = ""
        self._times, self._is_known = 0, False

    @property
    def key(self) -> "tuple[str, str]":
        """Of its item."""
        return keys.worker_part(crc32(self._machine.identity.encode())), self._machine.identity

    def begin(self, instance: "Instance") -> None:
        """Learn which instance this is, and say that there is a worker. Raises AwsError."""
        self._instance = instance.name()
        self._usage.begin(instance)
        self.say(self._clock.seconds())

    def is_due(self, now: float) -> bool:
        """Whether something is to be said again. now: the clock's seconds."""
        return bool(self._said_at) and now - self._said_at >= (SAY_S if self._times > 1 else SAY_FIRST_S)

    def say(self, now: float) -> None:
        """Write it down, and hear whether somebody else is to have this place. Raises AwsError."""
        self._said_at = now
        self._times += 1
        wall = int(self._clock.wall())
        said: dict[str, Any] = {"body": json.dumps(self.body(now, wall), separators=(",", ":")), "expires": wall + LIVES_S}
        if not self._is_known:
            said["leave"] = None
        self.is_unwanted = bool(self._table.update(self.key, set=said).get("leave"))
        self._is_known = True
        self._usage.say()

    def body(self, now: float, wall: int) -> "dict[str, Any]":
        """What is said."""
        machine, cpu_s = self._machine, sum(os.times()[:4])
        used = (cpu_s - self._cpu_s) / max(0.001, now - self._said_cpu_at) if self._said_cpu_at else 0.0
        self._cpu_s, self._said_cpu_at = cpu_s, now
        return {
            "region": machine.region, "cluster": machine.cluster, "definition": machine.definition, "instance": self._instance,
            "environment": os.environ.get("AWS_BATCH_CE_NAME", ""),
            "started": int(self._started), "seen": wall, "state": self._state(),
            "task": self.running, "done": self.done, "cpu": round(used, 2), "memory_mib": _memory_mib(), "version": __version__,
            **({"slots": self.slots} if self._machine.width > 1 else {}),
        }  # fmt: skip

    def _state(self) -> str:
        return "leaving" if self.is_leaving else "working" if self.running else "idle"

    def end(self) -> None:
        """This worker is gone. Raises AwsError."""
        self._usage.say(last=True)
        self._table.delete(self.key)


def _memory_mib() -> int:
    """Memory that is used in this container, of the whole machine where it has no limit of its own."""
    try:
        with open("/sys/fs/cgroup/memory.current", encoding="ascii") as file:
            return int(file.read()) >> 20
    except (OSError, ValueError):
        pass
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            found = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in file)}
        return (found["MemTotal"] - found["MemAvailable"]) >> 10
    except (OSError, ValueError, KeyError):
        return 0
