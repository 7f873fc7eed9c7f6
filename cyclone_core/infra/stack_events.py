"""What happens to a stack, as events of the change that it belongs to."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal

from cyclone_core.infra.events import Event, Phase
from cyclone_core.infra.plan import Change
from cyclone_core.infra.stack_states import is_consequence

if TYPE_CHECKING:
    from cyclone_core.aws.stacks import StackEvent
    from cyclone_core.infra.stack_following import Told

_PHASES: Mapping[str, Phase] = {
    "CREATE_IN_PROGRESS": "CREATING",
    "CREATE_COMPLETE": "ACTIVE",
    "UPDATE_IN_PROGRESS": "UPDATING",
    "UPDATE_COMPLETE": "ACTIVE",
    "DELETE_IN_PROGRESS": "DELETING",
    "DELETE_COMPLETE": "DELETED",
    "IMPORT_IN_PROGRESS": "CREATING",
    "IMPORT_COMPLETE": "ACTIVE",
}
"""State of a resource -> what it is here; states with FAILED are FAILED, others a line."""
Level = Literal["info", "warning", "error"]
_LEVELS: Mapping[str, Level] = {"FAILED": "error", "CANCELLED": "warning"}


class Teller:
    """Tells what happens to one change's stack."""

    def __init__(self, change: Change, tell: Callable[[Event], None], clock: Callable[[], float]) -> None:
        """clock: seconds since 1970, for what has no time of AWS."""
        self._change, self._tell, self._clock = change, tell, clock
        self._last: dict[str, Phase] = {}

    @property
    def is_under_way(self) -> bool:
        """Whether AWS has begun something."""
        return bool(self._last)

    def say(self, phase: Phase, text: str = "") -> None:
        """A phase of the whole."""
        self._send(Event(self._clock(), self._change.kind, self._change.name, phase, text, _LEVELS.get(phase, "info"), self._change.region))

    def line(self, text: str, level: Level = "info") -> None:
        """A line about what is done."""
        self._send(Event(self._clock(), self._change.kind, self._change.name, "LOG", text, level, self._change.region))

    def told(self, told: "Told") -> None:
        """What `StackRun` tells."""
        if told.event is None:
            self.line(told.text, told.level)
        elif told.event.is_of_stack:
            self._stack(told.event)
        else:
            self._resource(told.event)

    def _stack(self, event: "StackEvent") -> None:
        """The whole begins and ends elsewhere; here is only what it goes back on."""
        self._last.setdefault("", "LOG")
        if "ROLLBACK_IN_PROGRESS" in event.status:
            self._send(self._at(event, "LOG", f"it is taken back: {event.reason}" if event.reason else "it is taken back", "warning"))

    def _resource(self, event: "StackEvent") -> None:
        part = f"{event.logical_id} {event.type}"
        phase = "FAILED" if event.status.endswith("_FAILED") else _PHASES.get(event.status, "LOG")
        if phase != "LOG" and self._last.get(part) == phase:
            return  # CloudFormation tells twice that it begins: before and after it asked the service
        self._last[part] = phase
        level: Level = "info" if phase != "FAILED" else "warning" if is_consequence(event.reason) else "error"
        text = "it stays" if event.status == "DELETE_SKIPPED" else event.reason
        if event.status == "DELETE_FAILED" and event.physical_id and self._change.action in ("change", "replace"):
            text += f". No stack has it any more, and it may cost: unless it is told as deleted later, delete {event.physical_id} yourself"
        self._send(self._at(event, phase, text or ("" if phase != "LOG" else event.status), level, part))

    def _at(self, event: "StackEvent", phase: Phase, text: str, level: Level = "info", part: str = "") -> Event:
        return Event(event.at, self._change.kind, self._change.name, phase, text, level, self._change.region, part)

    def _send(self, event: Event) -> None:
        self._tell(event)
