"""The workers that a machine runs: started as processes of the same program, counted, told to leave, and buried.

They die with this process (PR_SET_PDEATHSIG), are in process groups of their own, so that Ctrl-C in a terminal is this process's to
understand, and what a dead one has left behind is ended. A definition whose children end as soon as they start, or find nothing to do,
is left alone for a while, each time for longer.
"""

import os
import sys
from signal import SIGKILL, SIGTERM, SIGUSR1, pidfd_send_signal

from cyclone_core.scheduler.local import pool
from cyclone_core.scheduler.machine_packing import Child, Room
from cyclone_core.scheduler.remote import clock, counts
from cyclone_core.scheduler.remote.log import log
from cyclone_core.scheduler.remote.machine import lane_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from cyclone_core.scheduler.remote.offer import Offer

YOUNG_S = 15.0
"""A child that fails before it is so old has not worked."""
REST_S, LONGEST_REST_S = 2.0, 60.0
SETTLED_S = 4.0
"""So long it may take until the counters know what a new child has begun."""
_COUNTS = 63
"""Number of a child's descriptor of its counts."""
_OWN = ("CYCLONE_VCPUS", "CYCLONE_MEMORY_MIB", "CYCLONE_GPUS", "CYCLONE_USD", "CYCLONE_PURCHASE", "CYCLONE_REQUEST", "CYCLONE_LAUNCH")
"""The machine's own business."""
_PROGRAM = f"""\
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, 15, 0, 0, 0)
if os.getppid() != {{parent}}: sys.exit(1)
sys.path.insert(0, {pool.ROOT!r})
from cyclone_core.scheduler.remote.main import main
main()
"""
"""PR_SET_PDEATHSIG: SIGTERM, of which it sees that nobody sent it."""


class Process:
    """A child. file: its counts; slot: what each of its tasks has; gpus: indices of those that it has."""

    __slots__ = ("definition", "done", "file", "gpus", "is_leaving", "pid", "pidfd", "running", "slot", "started", "width")

    def __init__(self, pid: int, definition: str, slot: Room, width: int, file: int, gpus: "tuple[int, ...]") -> None:
        self.pid, self.definition, self.slot, self.width, self.file, self.gpus = pid, definition, slot, width, file, gpus
        self.pidfd, self.started, self.is_leaving, self.running, self.done = os.pidfd_open(pid), clock.seconds(), False, 0, 0

    def tell(self, number: int) -> None:
        """Send it a signal."""
        self.is_leaving = True
        try:
            pidfd_send_signal(self.pidfd, number)
        except ProcessLookupError:
            pass  # it is about to be buried

    def look(self) -> bool:
        """Take in what it says of itself; whether it has given slots back."""
        self.running, self.done, width = counts.read(self.file)
        is_narrower = 0 < width < self.width
        self.width = width if is_narrower else self.width
        return is_narrower

    @property
    def idle_slots(self) -> int:
        """Slots that wait for work. What it has just begun may still be counted as waiting."""
        if self.is_leaving:
            return 0
        return self.width if clock.seconds() - self.started < SETTLED_S else max(0, self.width - self.running)

    def close(self) -> None:
        """It is gone."""
        os.close(self.pidfd)
        os.close(self.file)


class Children:
    """See the module. `place`: where this machine is and what it costs (`usage`)."""

    def __init__(self, offer: "Offer", environ: "Mapping[str, str]", program: "tuple[str, ...]" = ()) -> None:
        """environ: this machine's; program: what is run in place of a worker (by tests)."""
        self._offer, self._program = offer, program
        self._environ = {name: value for name, value in environ.items() if name not in _OWN}
        self.place = ""
        self.all: dict[int, Process] = {}
        self.ended = 0
        """tasks that ended on children that are gone"""
        self._rests: dict[str, tuple[float, float]] = {}
        """definition -> (until, how long)"""

    # -- life ---------------------------------------------------------------------------------------------------------
    def start(self, body: "Mapping[str, Any]", slot: Room, width: int) -> None:
        """Start a child for a definition. Raises OSError."""
        gpus = self._free_gpus()[: slot.gpus * width]
        file = counts.new()
        try:
            pid = self._spawn(self._variables(body, slot, width, gpus), file)
        except OSError:
            os.close(file)
            raise
        self.all[pid] = Process(pid, body["name"], slot, width, file, gpus)
        log(f"starts {width:,} slot{'s' if width > 1 else ''} for definition {body['name']} (process {pid})")

    def _spawn(self, variables: "Mapping[str, str]", file: int) -> int:
        program = self._program or (sys.executable, "-ISE", "-c", _PROGRAM.format(parent=os.getpid()))
        null = os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
        try:
            actions = [(os.POSIX_SPAWN_DUP2, null, 0), (os.POSIX_SPAWN_DUP2, file, _COUNTS)]
            return os.posix_spawn(program[0], program, variables, file_actions=actions, setpgroup=0)
        finally:
            os.close(null)

    def _variables(self, body: "Mapping[str, Any]", slot: Room, width: int, gpus: "tuple[int, ...]") -> "dict[str, str]":
        offer, environment = self._offer, dict(body.get("environment") or {})
        if offer.gpus:
            environment["CUDA_VISIBLE_DEVICES"] = ",".join(map(str, gpus))
        timeout_s = float(body.get("timeout_minutes") or 0) * 60
        more = {"memory_mib": slot.memory_mib, "timeout_s": timeout_s}
        return {
            **self._environ, **environment, "CYCLONE_HOST": offer.host, "CYCLONE_ACCOUNT": offer.account, "CYCLONE_REGION": offer.region,
            "CYCLONE_MAIN_REGION": offer.main_region, "CYCLONE_CLUSTER": offer.cluster, "CYCLONE_DEFINITION": body["name"],
            "CYCLONE_LANE": lane_text({**body, "environment": environment}, **more), "CYCLONE_WIDTH": str(width),
            "CYCLONE_MACHINE": offer.name, "CYCLONE_INSTANCE": offer.instance, "CYCLONE_PLACE": self.place,
            "CYCLONE_IDLE_S": f"{offer.slot_idle_s:g}", "CYCLONE_STOP_S": f"{offer.stop_s:g}", "CYCLONE_WORKER_DIR": offer.root,
            counts.VARIABLE: str(_COUNTS),
        }  # fmt: skip

    def _free_gpus(self) -> "tuple[int, ...]":
        used = {gpu for child in self.all.values() for gpu in child.gpus}
        return tuple(gpu for gpu in range(self._offer.gpus) if gpu not in used)

    def reap(self) -> bool:
        """Bury those that have ended; whether there were some. What came to us from dead ones is reaped as well."""
        found = False
        while (info := _ended()) is not None:
            os.waitpid(info.si_pid, 0)
            child = self.all.get(info.si_pid)
            if child is not None:
                found = True
                self._bury(child, info.si_status if info.si_code == os.CLD_EXITED else -info.si_status)
        return found

    def _bury(self, child: Process, code: int) -> None:
        child.look()
        self.ended += child.done
        del self.all[child.pid]
        child.close()
        age = clock.seconds() - child.started
        if code:
            how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
            log(f"the worker of definition {child.definition} (process {child.pid}) {how} after {age:.0f} s; what it ran counts as lost")
        if (code and age < YOUNG_S) or not (code or child.done or child.is_leaving):
            self.rest(child.definition)
        elif child.done:
            self._rests.pop(child.definition, None)

    def end_orphans(self) -> None:
        """End what dead children have left. (Agents, whose parent died, end what they run by themselves.)"""
        pool.end_orphans(set(), set(self.all))
        for child in list(self.all.values()):
            try:
                os.waitid(os.P_PIDFD, child.pidfd, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:  # it ended in that moment, and was reaped with what was killed
                self._bury(child, 0)

    # -- telling them -------------------------------------------------------------------------------------------------
    def drain(self) -> None:
        """Let all end what they run, however long that takes, and leave."""
        for child in self.all.values():
            if not child.is_leaving:
                child.tell(SIGUSR1)

    def stop(self) -> None:
        """Tell all to end: within their time, and at once those that were told before."""
        for child in self.all.values():
            child.tell(SIGTERM)

    def kill(self) -> None:
        """End all at once; their agents end what they run."""
        for child in self.all.values():
            child.tell(SIGKILL)

    def leave(self, pids: "tuple[int, ...]") -> None:
        """Let some end what they run and leave, for others."""
        for pid in pids:
            log(f"the worker of definition {self.all[pid].definition} (process {pid}) is asked to leave for others")
            self.all[pid].tell(SIGUSR1)

    # -- what there is ------------------------------------------------------------------------------------------------
    def packed(self) -> "list[Child]":
        """They, as `machine_packing` sees them."""
        return [Child(child.pid, child.definition, child.slot, child.width, child.is_leaving) for child in self.all.values()]

    def look(self) -> bool:
        """Take in what they say of themselves; whether one gave slots back, for which there was nothing."""
        narrower = [child.definition for child in list(self.all.values()) if child.look()]
        for definition in narrower:
            self.rest(definition)
        return bool(narrower)

    def counts(self) -> "tuple[int, int]":
        """(tasks that run, tasks that have ended)"""
        every = self.all.values()
        return sum(child.running for child in every), self.ended + sum(child.done for child in every)

    def idle_slots(self, definition: str) -> int:
        """Slots of a definition that wait for work."""
        return sum(child.idle_slots for child in self.all.values() if child.definition == definition)

    def widths(self) -> "dict[str, int]":
        """Definition -> slots that take work."""
        found: dict[str, int] = {}
        for child in self.all.values():
            if not child.is_leaving:
                found[child.definition] = found.get(child.definition, 0) + child.width
        return dict(sorted(found.items()))

    # -- rests --------------------------------------------------------------------------------------------------------
    def rest(self, definition: str) -> None:
        """Nothing is started for a definition for a while."""
        _, last = self._rests.get(definition, (0.0, REST_S / 2))
        seconds = min(LONGEST_REST_S, last * 2)
        self._rests[definition] = clock.seconds() + seconds, seconds

    def struggles(self, definition: str) -> bool:
        """Whether its last child could not work, or found nothing to do."""
        return definition in self._rests

    def rests(self, definition: str) -> bool:
        """Whether it is left alone for now."""
        return clock.seconds() < self._rests.get(definition, (0.0, 0.0))[0]


def _ended() -> "os.waitid_result | None":
    """A child of this process that has ended and is not reaped."""
    try:
        return os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return None
