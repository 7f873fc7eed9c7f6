"""What a worker machine knows of itself before it asks anybody: whom it works for, its times, and what its tasks find. Lean.

Everything comes from the environment that the definition's stack, AWS Batch and the image give it:

    CYCLONE_HOST CYCLONE_ACCOUNT CYCLONE_MAIN_REGION CYCLONE_REGION CYCLONE_DEFINITION    the stack of the definition
    CYCLONE_CLUSTER CYCLONE_RETENTION_DAYS (30)                                           the request for workers
    CYCLONE_LANE            JSON: vcpus, working_directory, output_limit_mib, variables (names of those that the definition sets)
    CYCLONE_IDLE_S          seconds without work after which it leaves (20)
    CYCLONE_LEASE_S         length of a lease (120); all other times of a lease follow it
    CYCLONE_STOP_S          after SIGTERM running tasks may go on for so long (25: ECS kills 30 s after it); 90 after a spot notice
    CYCLONE_WORKER_DIR      where its own directory is made (TMPDIR, /tmp)
    CYCLONE_JOURNAL_MIB     an agent whose journal has grown to this is replaced by a fresh one (256): the disk of a container is small
    AWS_ENDPOINT_URL        of the sandbox
    AWS_BATCH_JOB_ID        its name

A machine with several slots (`offer`) starts its workers itself, and tells them besides:

    CYCLONE_WIDTH           tasks that run at once (1); each has the definition's vCPUs and memory
    CYCLONE_MACHINE         the machine's name; the worker's is MACHINE#PROCESS
    CYCLONE_INSTANCE        the machine's; what becomes of that is the machine's business, so nobody else is asked
    CYCLONE_PLACE           where it is and what it costs (`usage`)
    CYCLONE_COUNTS          descriptor of a file of its parent's into which it writes how many tasks run and have ended (`counts`)
    CYCLONE_LANE            also memory_mib (most of a task; without it the container's) and timeout_s (of a task)

Refused with UsageError: an environment that does not say whom to work for.
"""

import os

from cyclone_core import naming
from cyclone_core.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_NEEDED = ("CYCLONE_HOST", "CYCLONE_ACCOUNT", "CYCLONE_MAIN_REGION", "CYCLONE_REGION", "CYCLONE_DEFINITION", "CYCLONE_CLUSTER")
_OF_SUBMITTER = ("PATH", "HOME", "TMPDIR")
"""Variables of the machine where a job was submitted that mean nothing in an image."""
_NOT_FOR_TASKS = ("CYCLONE_", "AWS_BATCH_JOB_")
"""Variables that begin so are the worker's own; tasks get theirs from the agent. Credentials and region are for tasks too."""
_OVERHEAD_MIB = 64
"""Memory of the container that supervisor and agent need themselves."""
SPOT_S = 90.0
"""After the notice of an interruption, which comes two minutes before it, running tasks may go on for so long."""
_ECS_STOP_S = 25.0


class Times:
    """The times of a lease, seconds; all in proportion to its length."""

    __slots__ = ("follow_s", "full_s", "hidden_s", "hide_again_s", "lease_s", "live_s", "look_s", "margin_s", "renew_s")

    def __init__(self, lease_s: float) -> None:
        share = lease_s / 120
        self.lease_s = lease_s
        self.renew_s = 40 * share
        """a lease without a write for so long is renewed"""
        self.hidden_s = max(1, round(60 * share))
        """so long a message is hidden from others, whole seconds"""
        self.hide_again_s = 20 * share
        self.margin_s = 5 * share
        """so long before its end a lease counts as over here: clocks differ, and tasks need time to end"""
        self.look_s = min(5.0, 15 * share)
        """interval of looks at cancellations and followers"""
        self.full_s = 60 * share
        """a disk that takes nothing for so long is full for good"""
        self.follow_s = 2.0
        self.live_s = 60.0
        """intervals of uploads of output while somebody follows, and otherwise"""


class Machine:
    """See the module. `identity`: what the table calls this worker; `lane`: what leases tell the agent of the definition; `kept_ms`: how
    long finished jobs are kept."""

    __slots__ = (
        "account", "cluster", "definition", "endpoint", "host", "identity", "idle_s", "journal_bytes", "kept_ms", "lane",
        "main_region", "region", "root", "stop_s", "times", "variables", "width",
    )  # fmt: skip

    def __init__(self, environ: "Mapping[str, str]", pid: int = 0) -> None:
        """pid: of this process, for a name where AWS Batch gives none. Raises UsageError."""
        missing = [name for name in _NEEDED if not environ.get(name)]
        if missing:
            what = f"this worker does not know whom it works for: {', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set"
            raise UsageError(f"{what}. AWS hosts start workers by themselves; a machine of yours joins with cyclone-worker join")
        self.host, self.account, self.main_region, self.region, self.definition, self.cluster = (environ[name] for name in _NEEDED)
        self.endpoint = environ.get("AWS_ENDPOINT_URL") or None
        is_child = bool(environ.get("CYCLONE_MACHINE"))
        name = f"{environ['CYCLONE_MACHINE']}#{pid}" if is_child else environ.get("AWS_BATCH_JOB_ID") or f"{os.uname().nodename}-{pid}"
        self.identity = f"{self.region}/{name}"
        self.width = max(1, int(number_of(environ, "CYCLONE_WIDTH", 1.0)))
        self.idle_s = number_of(environ, "CYCLONE_IDLE_S", 20.0)
        self.stop_s = number_of(environ, "CYCLONE_STOP_S", _ECS_STOP_S)
        self.kept_ms = int(number_of(environ, "CYCLONE_RETENTION_DAYS", 30.0) * 86_400_000)
        self.times = Times(max(1.0, number_of(environ, "CYCLONE_LEASE_S", 120.0)))
        self.journal_bytes = int(number_of(environ, "CYCLONE_JOURNAL_MIB", 256.0) * 2**20)
        self.root = environ.get("CYCLONE_WORKER_DIR") or environ.get("TMPDIR") or "/tmp"
        told = _told_lane(environ.get("CYCLONE_LANE", ""))
        self.variables = {name: value for name, value in environ.items() if not name.startswith(_NOT_FOR_TASKS)}
        named = set(told.get("variables") or ())
        self.lane: dict[str, Any] = {
            "name": self.definition,
            "vcpus": told.get("vcpus") or 1,
            "memory_mib": told.get("memory_mib") or 0,
            "environment": {name: value for name, value in environ.items() if name in named},
            "timeout_s": told.get("timeout_s") or 0,  # in a container it is the worker's, and AWS Batch sees to it
            "image": None,
            "container_options": {},
            "working_directory": told.get("working_directory") or "worker",
            "output_limit_mib": told.get("output_limit_mib") or 64,
            "region": self.region,
        }

    @property
    def table(self) -> str:
        """The table of jobs."""
        return naming.jobs_table(self.host)

    @property
    def bucket(self) -> str:
        """The bucket of scripts and outputs."""
        return naming.data_bucket(self.host, self.account, self.main_region)

    def limit_memory(self, group: str = "/sys/fs/cgroup") -> None:
        """Let the agent end a task before the kernel ends whatever it likes in this container. group: the control group's directory.

        Nothing is to be found out where the machine has said how much a task may have.
        """
        if self.lane["memory_mib"]:
            return
        for name in ("memory.max", "memory/memory.limit_in_bytes"):
            try:
                with open(f"{group}/{name}", encoding="ascii") as file:
                    text = file.read().strip()
            except OSError:
                continue
            if text.isdecimal() and int(text) < 1 << 50:
                self.lane["memory_mib"] = max(16, (int(text) >> 20) - _OVERHEAD_MIB)
            return

    def environment_of(self, submitted: "Mapping[str, str]") -> "dict[str, str]":
        """What a task finds: the image's variables, above them the submitter's (the definition's come last, by the lane)."""
        return {**self.variables, **{name: value for name, value in submitted.items() if name not in _OF_SUBMITTER}}

    def lane_for(self, directory: str) -> "dict[str, Any]":
        """The lane for a job submitted in a directory: where that is not here, its tasks run in the worker's own."""
        if self.lane["working_directory"] == "worker" or (directory and os.path.isdir(directory)):
            return self.lane
        return {**self.lane, "working_directory": "worker"}


def lane_text(body: "Mapping[str, Any]", **more: "Any") -> str:
    """CYCLONE_LANE: what a worker has to know of a definition to run its tasks. `variables`: names of those that it sets, not the image."""
    import json

    told = {name: body.get(name) for name in ("vcpus", "working_directory", "output_limit_mib")}
    told |= {"variables": sorted(body.get("environment") or {}), **more}
    return json.dumps({name: value for name, value in told.items() if value}, separators=(",", ":"), sort_keys=True)


def number_of(environ: "Mapping[str, str]", name: str, default: float, most: float = 1e6) -> float:
    """A variable that is a number from 0 on, below `most`. Raises UsageError."""
    text = environ.get(name, "")
    try:
        found = float(text) if text else default
    except ValueError:
        found = -1.0
    if not 0 <= found < most:
        raise UsageError(f"{name} is {text!r}, which is no number from 0 on. Set it to one, such as {name}={default:g}")
    return found


def _told_lane(text: str) -> "dict[str, Any]":
    if not text:
        return {}
    import json

    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise UsageError(f"CYCLONE_LANE is {text!r}, which is no JSON object. It is set by the definition's stack: deploy that again")
    return found
