"""How long a worker stays: whether it still takes work, why not, until when what runs may go on, and the code by which it ends. Lean."""

from cyclone_core.scheduler.remote.agent import STREAM
from cyclone_core.scheduler.remote.log import log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cyclone_core.scheduler.remote.agent import AgentProcess
    from cyclone_core.scheduler.remote.clock import Clock


class Stay:
    """See the module. why: "" as long as it takes work. leave_at: running tasks may go on until then, by the clock.

    exit_code: of what failed; left_code: of why it left while all was well (`exits`).
    """

    __slots__ = ("_agent", "_clock", "exit_code", "leave_at", "left_code", "why")

    def __init__(self, agent: "AgentProcess", clock: "Clock") -> None:
        self._agent, self._clock = agent, clock
        self.why, self.leave_at, self.exit_code, self.left_code = "", 0.0, 0, 0

    def leave(self, why: str, seconds: float, code: int = 0) -> None:
        """Take nothing more; running tasks may go on for so long."""
        leave_at = self._clock.seconds() + seconds
        self.exit_code = self.exit_code or code
        if self.why:
            self.leave_at = min(self.leave_at, leave_at)
            return
        log(f"takes no more work: {why}")
        self.why, self.leave_at = why, leave_at
        self._agent.say(("width", STREAM, 0))

    @property
    def code(self) -> int:
        """0 when all is well, else why it ended."""
        return self.exit_code or self.left_code
