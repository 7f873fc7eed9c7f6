"""What a machine with several slots knows of itself: whom it works for, what it offers, how it leaves. `cyclone-worker machine` and `join`.

Everything is in the environment; `join` sets it from its options. Instances get it from the user data of their cluster's launch template:

    CYCLONE_HOST CYCLONE_ACCOUNT CYCLONE_MAIN_REGION CYCLONE_CLUSTER    whom it works for
    CYCLONE_REGION          the AWS region that it is in, or the name of its site (onprem)
    CYCLONE_LAUNCH          EC2, or ONPREM for a machine that joined (EC2); an instance leaves when it is idle, a joined machine stays
    CYCLONE_MACHINE         its name (the instance's id, else the host name)
    CYCLONE_VCPUS           that it offers (those that this process may use)
    CYCLONE_MEMORY_MIB      that it offers (the machine's, or its container's, less what Cyclone and the system need)
    CYCLONE_GPUS            that it offers (as many as /dev/nvidia0, 1, … there are)
    CYCLONE_REQUEST         name of the request that it came of (FLEET), which is also in the instance's tags
    CYCLONE_PURCHASE        spot, ondemand or own (what the instance's metadata say; own)
    CYCLONE_USD             price of a vCPU hour in US dollars (unknown)
    CYCLONE_IDLE_S          an instance on which nothing has run for so long leaves (120); 0: it stays
    CYCLONE_SILENT_S        an instance that has not reached the main region for so long leaves (900); 0: it goes on trying
    CYCLONE_SLOT_IDLE_S     a child without work for so long gives its slots back (10)
    CYCLONE_STOP_S          after SIGTERM running tasks may go on for so long (60); with a second SIGTERM they may not
    CYCLONE_RETENTION_DAYS CYCLONE_LEASE_S CYCLONE_WORKER_DIR CYCLONE_JOURNAL_MIB AWS_ENDPOINT_URL    as for any worker (`machine`)
    AWS_EC2_METADATA_SERVICE_ENDPOINT AWS_EC2_METADATA_DISABLED    as AWS's libraries have them

Exit codes: 0 it left because it was idle, was asked to leave, or was told to end; an instance is to be shut down then (`SuccessAction` of
its unit). 2 the environment or command line is wrong. Others: something failed, and it is to be started again.

Its children are workers (`machine`), to which it tells besides: CYCLONE_WIDTH, CYCLONE_DEFINITION, CYCLONE_LANE, CYCLONE_MACHINE,
CYCLONE_INSTANCE, CYCLONE_PLACE, CYCLONE_COUNTS. Refused with UsageError is an environment that does not say whom to work for.
"""

import os

from cyclone_core import naming
from cyclone_core.errors import UsageError
from cyclone_core.scheduler.remote.machine import number_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_NEEDED = ("CYCLONE_HOST", "CYCLONE_ACCOUNT", "CYCLONE_MAIN_REGION", "CYCLONE_REGION", "CYCLONE_CLUSTER")
_RESERVED_MIB, _RESERVED_SHARE = 192, 32
"""Memory that is kept for Cyclone and the system: so much, or one part in so many where that is more."""
_PURCHASES = ("", "spot", "ondemand", "own")


class Offer:
    """See the module. vcpus, memory_mib, gpus: what tasks may have of the machine together; usd: None where nobody told."""

    __slots__ = (
        "account", "cluster", "endpoint", "gpus", "host", "idle_s", "instance", "is_instance", "main_region", "memory_mib", "name",
        "purchase", "region", "request", "root", "silent_s", "slot_idle_s", "stop_s", "usd", "vcpus",
    )  # fmt: skip

    def __init__(self, environ: "Mapping[str, str]") -> None:
        """Raises UsageError."""
        missing = [name for name in _NEEDED if not environ.get(name)]
        if missing:
            what = f"this machine does not know whom it works for: {', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set"
            raise UsageError(f"{what}. Machines join with cyclone-worker join --host HOST --cluster CLUSTER; instances are told by AWS")
        self.host, self.account, self.main_region, self.region, self.cluster = (environ[name] for name in _NEEDED)
        self.endpoint = environ.get("AWS_ENDPOINT_URL") or None
        self.is_instance = _one_of(environ, "CYCLONE_LAUNCH", ("", "EC2", "ONPREM")) != "ONPREM"
        self.name, self.instance = environ.get("CYCLONE_MACHINE", ""), os.uname().nodename
        """name: "" until the instance has told its id; instance: its id, or the host name"""
        self.request, self.purchase = environ.get("CYCLONE_REQUEST", ""), _one_of(environ, "CYCLONE_PURCHASE", _PURCHASES)
        self.usd = number_of(environ, "CYCLONE_USD", 0.0) if environ.get("CYCLONE_USD") else None
        self.vcpus = max(1, int(number_of(environ, "CYCLONE_VCPUS", 0.0) or usable_vcpus()))
        self.memory_mib = int(number_of(environ, "CYCLONE_MEMORY_MIB", 0.0, 1e9) or offered(usable_memory_mib()))
        self.gpus = int(number_of(environ, "CYCLONE_GPUS", -1.0)) if environ.get("CYCLONE_GPUS") else gpus_there()
        self.idle_s = number_of(environ, "CYCLONE_IDLE_S", 120.0) if self.is_instance else 0.0
        self.silent_s = number_of(environ, "CYCLONE_SILENT_S", 900.0) if self.is_instance else 0.0
        self.slot_idle_s = number_of(environ, "CYCLONE_SLOT_IDLE_S", 10.0)
        self.stop_s = number_of(environ, "CYCLONE_STOP_S", 60.0)
        self.root = environ.get("CYCLONE_WORKER_DIR") or environ.get("TMPDIR") or "/tmp"

    @property
    def table(self) -> str:
        """The table of jobs."""
        return naming.jobs_table(self.host)


def usable_vcpus(group: str = "/sys/fs/cgroup") -> int:
    """vCPUs that this process may use, also in a container that has a share of them. group: the control group's directory."""
    usable = len(os.sched_getaffinity(0))
    try:
        with open(f"{group}/cpu.max", encoding="ascii") as file:
            quota, period = file.read().split()
        return max(1, min(usable, int(quota) // int(period)))
    except (OSError, ValueError):  # no group of its own, or `max`
        return usable


def usable_memory_mib(group: str = "/sys/fs/cgroup") -> int:
    """Memory of this machine, or of the container that this is, MiB."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
    try:
        with open(f"{group}/memory.max", encoding="ascii") as file:
            return min(total, int(file.read()) >> 20)
    except (OSError, ValueError):
        return total


def offered(memory_mib: int) -> int:
    """What tasks may have of so much memory, MiB."""
    return max(16, memory_mib - max(_RESERVED_MIB, memory_mib // _RESERVED_SHARE))


def gpus_there(devices: str = "/dev") -> int:
    """NVIDIA GPUs of this machine."""
    count = 0
    while os.path.exists(f"{devices}/nvidia{count}"):
        count += 1
    return count


def _one_of(environ: "Mapping[str, str]", name: str, known: "tuple[str, ...]") -> str:
    found = environ.get(name, "")
    if found not in known:
        raise UsageError(f"{name} is {found!r}. Set it to one of {', '.join(filter(None, known))}")
    return found
