"""When a worker asks for work, when it claims what came, and when messages of what is over are deleted. Lean.

It asks for about a second of work, one question at a time (`intake` asks, in threads). Without work it leaves after `idle_s`, and holding
nothing also when the main region has not answered for long.
"""

from cyclone_core.scheduler.dynamo.queues import BATCH
from cyclone_core.scheduler.remote.answers import RETRY_S

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cyclone_core.errors import CycloneError
    from cyclone_core.scheduler.dynamo.queues import Message
    from cyclone_core.scheduler.remote.agent import AgentProcess
    from cyclone_core.scheduler.remote.answers import Answers
    from cyclone_core.scheduler.remote.calls import Calls
    from cyclone_core.scheduler.remote.clock import Clock
    from cyclone_core.scheduler.remote.held import Held
    from cyclone_core.scheduler.remote.in_hand import InHand
    from cyclone_core.scheduler.remote.intake import Intake
    from cyclone_core.scheduler.remote.leases import Leases
    from cyclone_core.scheduler.remote.stay import Stay

    Error = CycloneError | OSError | None

CUT_OFF_S = 120.0
"""A worker that holds nothing and has got no answer for so long leaves."""
DELETE_S = 2.0
"""A message of what is over waits at most so long for others to be deleted with."""
AGAIN_S = 0.25
"""After nothing came, while there is other work here."""


class Receiving:
    """See the module. `polls`, `claims`: questions that are under way."""

    def __init__(
        self, intake: "Intake", in_hand: "InHand", leases: "Leases", stay: "Stay", answers: "Answers", agent: "AgentProcess",
        calls: "tuple[Calls, Calls, Calls]", idle_s: float, clock: "Clock",
    ) -> None:  # fmt: skip
        """calls: for polls, claims, and what nobody waits for."""
        self._intake, self._in_hand, self._leases, self._stay, self._answers = intake, in_hand, leases, stay, answers
        self._agent, self._idle_s, self._clock = agent, idle_s, clock
        self.polls, self.claims, self._notes = calls
        self._receive_after = self._delete_at = 0.0
        self._worked_at = self._taken_at = clock.seconds()

    # -- asking -------------------------------------------------------------------------------------------------------------------
    def ask(self, now: float) -> None:
        """Ask for work, if there is room for it."""
        in_hand = self._in_hand
        if in_hand:
            self._worked_at = now
        elif now - self._answers.came_at >= CUT_OFF_S:
            self._stay.leave("the main region does not answer", 0, 1)
        if self._stay.why or self.polls.open or not self._agent.is_up or now < self._receive_after:
            return
        coming, tasks, width = self.claims.open, in_hand.tasks, in_hand.width
        wanted = in_hand.pace.messages(tasks, coming, in_hand.oldest_s(self._clock.wall()), width)
        wanted = min(wanted, in_hand.most - len(in_hand) - coming)
        if wanted > 0:
            has_room = tasks < width if width > 1 else not in_hand
            self.polls.start(self._intake.receive, wanted, has_room and not coming, done=self._received)

    def _received(self, messages: "list[Message] | None", error: "Error") -> None:
        now = self._clock.seconds()
        if messages is None:
            self._answers.failed(error)
            self._receive_after = now + RETRY_S
            return
        self._answers.came()
        if not messages and self._in_hand:
            self._receive_after = now + AGAIN_S
            self._narrow(now)
        elif not messages and not self.claims.open and now - self._worked_at >= self._idle_s:
            self._stay.leave(f"nothing has been waiting for {self._idle_s:g} s", 0)
        if self._stay.why:
            self._notes.start(self._intake.hand_back, messages, done=_nothing)
            return
        ahead = self._in_hand.pace.claimed_ahead(self._in_hand.width)
        for message in messages:
            self.claims.start(self._intake.take, message, ahead, done=self._taken)

    def _narrow(self, now: float) -> None:
        """Slots for which nothing came for as long as a worker without work would stay are somebody else's."""
        tasks, width = self._in_hand.tasks, self._in_hand.width
        if width > 1 and not (self._stay.why or self.claims.open) and tasks < width and now - self._taken_at >= self._idle_s:
            self._leases.narrow(max(1, tasks))

    def _taken(self, held: "Held | None", error: "Error") -> None:
        """A message was looked at."""
        now = self._clock.seconds()
        if error is not None:
            self._receive_after = now + RETRY_S  # each attempt is a delivery of a message, and those are counted
            self._answers.failed(error)
        if held is not None:
            self._worked_at = self._taken_at = now
            self._in_hand.add(held)

    # -- what is over -------------------------------------------------------------------------------------------------------------
    def delete_finished(self, now: float) -> None:
        """Ten messages cost as much as one."""
        finished = self._in_hand.finished
        if not finished:
            self._delete_at = now + DELETE_S
        elif len(finished) >= BATCH or now >= self._delete_at or not self._in_hand:
            self._in_hand.finished = []
            self._notes.start(self._intake.finish, finished, done=self._answers.noted)


def _nothing(_: object, error: "Error") -> None:
    """What comes of it does not matter."""
