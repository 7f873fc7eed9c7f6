"""The disk below this worker: what nobody needs any more is removed, and where it stays full nobody works on. Lean."""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cyclone_core.scheduler.remote.agent import AgentProcess
    from cyclone_core.scheduler.remote.files import Files
    from cyclone_core.scheduler.remote.in_hand import InHand
    from cyclone_core.scheduler.remote.machine import Machine
    from cyclone_core.scheduler.remote.stay import Stay

_LEAST_BYTES = 1 << 20


class Disk:
    """See the module."""

    def __init__(self, machine: "Machine", files: "Files", agent: "AgentProcess", in_hand: "InHand", stay: "Stay", state_dir: str) -> None:
        self._machine, self._files, self._agent, self._in_hand, self._stay = machine, files, agent, in_hand, stay
        self._state_dir, self._look_at, self._full_since = state_dir, 0.0, 0.0

    def look(self, now: float, is_reading: bool) -> None:
        """Do what is due. is_reading: a write is under way, which may read journals."""
        if now < self._look_at:
            return
        self._look_at = now + self._machine.times.look_s
        if self._agent.is_up and not is_reading:
            self._agent.forget({journal for held in self._in_hand for _, journal in held.rows})
        scripts, parameters = {str(held.spec["script"]) for held in self._in_hand}, {str(held.job.get("pm")) for held in self._in_hand}
        self._files.clean(scripts, parameters)
        self._leave_if_full(now)

    def _leave_if_full(self, now: float) -> None:
        space = os.statvfs(self._state_dir)
        is_full = space.f_bavail * space.f_frsize < _LEAST_BYTES
        self._full_since = (self._full_since or now) if is_full else 0.0
        if self._full_since and now - self._full_since >= self._machine.times.full_s:
            self._stay.leave(f"the disk that holds {self._machine.root} is full", 0, 1)
