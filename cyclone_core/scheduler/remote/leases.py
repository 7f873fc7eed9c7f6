"""The agent's leases: tasks that it is given, what it reports of them, and what is known of them when it dies. Lean.

It has about half a second of tasks, so that none waits long behind another. What it must never get is a task above the mark that is
written (`Held.queue`).
"""

from cyclone_core.journal import output_path
from cyclone_core.scheduler.remote import logs
from cyclone_core.scheduler.remote.agent import STREAM
from cyclone_core.scheduler.remote.intake import SPEC
from cyclone_core.scheduler.remote.log import log
from cyclone_core.scheduler.remote.record import DIED, LEAVING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cyclone_core.journal import Row
    from cyclone_core.ports import Range
    from cyclone_core.scheduler.remote.agent import AgentProcess
    from cyclone_core.scheduler.remote.clock import Clock
    from cyclone_core.scheduler.remote.held import Held
    from cyclone_core.scheduler.remote.in_hand import InHand
    from cyclone_core.scheduler.remote.machine import Machine
    from cyclone_core.scheduler.remote.stay import Stay
    from cyclone_core.scheduler.remote.usage import Usage

KILL_S = 3.0


class Leases:
    """See the module. `done`: tasks that have ended here."""

    def __init__(
        self, machine: "Machine", agent: "AgentProcess", in_hand: "InHand", stay: "Stay", usage: "Usage", clock: "Clock", state_dir: str
    ) -> None:  # fmt: skip
        self._machine, self._agent, self._in_hand, self._stay = machine, agent, in_hand, stay
        self._usage, self._clock, self._state_dir = usage, clock, state_dir
        self._leases: dict[int, tuple[Held, int]] = {}
        """number of a lease -> whose tasks they are, and how many of them are left"""
        self._next = 1
        self.done = 0

    # -- tasks to the agent -------------------------------------------------------------------------------------------------------
    def hand_out(self) -> None:
        """Keep the agent supplied."""
        agent, width = self._agent, self._in_hand.width
        if self._stay.why or not agent.is_up or agent.leaving or agent.is_heavy(self._machine.journal_bytes):
            return
        oldest_s, has = self._in_hand.oldest_s(self._clock.wall()), self._in_hand.out
        for held in self._in_hand:
            share = held.pace.share(oldest_s, width)  # of a kind of which nothing is known, one after the other
            if has > share // 2 and has >= width:
                continue
            while held.queue and has < share and not held.lost and not held.how:
                ranges = held.take(min(share - has, held.queue[0][2] - held.queue[0][1] + 1))
                self._lease(held, ranges)
                has += sum(high - low + 1 for _, low, high, *_ in ranges)

    def _lease(self, held: "Held", ranges: "list[Range]") -> None:
        number = self._next
        self._next += 1
        self._leases[number] = held, sum(high - low + 1 for _, low, high, *_ in ranges)
        jobs = {held.number: held.fields_for(ranges[0][1], ranges[-1][2])}
        self._agent.say(("lease", number, STREAM, self._in_hand.width, held.lane, ranges, jobs, {SPEC: held.spec}))

    def cancel(self, held: "Held", position: int) -> None:
        """End a task that the agent has."""
        self._agent.say(("cancel", held.number, position))

    def narrow(self, width: int) -> None:
        """So many tasks run at once from here on."""
        self._in_hand.width = width
        self._usage.narrow(width)
        self._agent.say(("width", STREAM, width))

    # -- what it reports ----------------------------------------------------------------------------------------------------------
    def take_in(self, message: "tuple[Any, ...]") -> None:
        """The agent says something."""
        if message[0] == "report":
            for lease, rows, returned, reasons in message[1]:
                self._report(lease, rows, returned, reasons)
        elif message[0] == "running":
            for lease, _, position, attempt, start_us, _ in message[1]:
                if lease in self._leases:
                    self._leases[lease][0].running[position] = (attempt, start_us)

    def _report(self, lease: int, rows: "list[Row]", returned: "list[tuple[int, int, int]]", reasons: "dict[tuple[int, int], str]") -> None:
        if lease not in self._leases:
            return
        held, left = self._leases[lease]
        for row in rows:
            self._in_hand.lasted(held, row[5] / 1e6)
            self._usage.add(held.job["q"], held.job["u"], row[5])
        held.report(rows, reasons, self._agent.descriptor, self._clock.seconds())
        if held.lost:
            logs.remove((row[1], row[2], output_path(self._state_dir, *row[:3])) for row in rows)
        for _, low, high in returned:
            held.returned(low, high)
            left -= high - low + 1
        left -= len(rows)
        self.done += len(rows)
        if left > 0:
            self._leases[lease] = held, left
        else:
            del self._leases[lease]

    # -- the end of an agent ------------------------------------------------------------------------------------------------------
    def see_agent(self) -> None:
        """It may have ended before it connected; and one whose journal has grown is to be followed by another."""
        agent = self._agent
        if agent.has_ended():
            self.bury()
        if not self._leases and not agent.leaving and agent.is_heavy(self._machine.journal_bytes):
            agent.stop(0)

    def bury(self) -> None:
        """The agent is dead: what it finished is recorded, what it ran is lost, and another one is started."""
        agent, told = self._agent, self._agent.leaving
        agent.bury()
        self._recover(LEAVING if told and not self._stay.exit_code else DIED)
        if not told:
            log("the agent died and is started again; what it ran counts as lost")
        if agent.is_hopeless:
            self._stay.leave("no agent lives here for long", 0, 1)
        if not self._stay.why:
            agent.start()

    def _recover(self, how: str) -> None:
        """What the journal of a dead agent proves; units of which something ran are let go of in this way."""
        for lease, (rows, started) in self._agent.evidence(self._leases).items():
            held, _ = self._leases[lease]
            held.report(rows, {}, self._agent.descriptor, self._clock.seconds())
            held.died.update({position: start for position, start in started.items() if position in held.out})
        for held in {id(held): held for held, _ in self._leases.values()}.values():
            held.out.clear()
            held.running.clear()
            if held.died:
                held.how = held.how or how
            if not held.busy:
                held.take_over()
        self._leases.clear()

    def end_late(self, now: float) -> None:
        """What still runs when this worker has to leave is ended."""
        leave_at = self._stay.leave_at
        if now < leave_at or not self._in_hand.out:
            return
        if not self._agent.leaving:
            self._agent.stop(KILL_S)
        elif now >= leave_at + 2 * KILL_S:
            self._agent.kill()
