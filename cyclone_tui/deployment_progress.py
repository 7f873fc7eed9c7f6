"""How far a deployment is, as rows, phases and texts: pure, from its plan and events. What the screens of deployments show is tested here.

Resources are grouped by region; parts of a resource (on AWS what its stack makes) are listed below it while something happens to them.
A host of many regions has thousands of parts: what is not opened shows those that move or failed, a few of them, and a count of the rest.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cyclone_tui.formatters import duration, plural

if TYPE_CHECKING:
    from cyclone_core.operations.deployments import Change, Deployment, Event, Plan, State

STATE_LOOKS: dict[str, tuple[str, str, str]] = {
    "PLANNED": ("○", "o", "waiting"), "RUNNING": ("●", ">", "running"), "SUCCEEDED": ("✓", "+", "ok"), "FAILED": ("✗", "x", "failed"),
    "CANCELLED": ("⊘", "-", "cancelled"), "INTERRUPTED": ("!", "!", "error"), "ROLLED_BACK": ("↶", "<", "muted"),
}  # fmt: skip
"""State of a deployment -> (sign, sign of the plain character set, style name)."""
WAITING, BUSY, DONE, FAILED, CANCELLED, INTERRUPTED, LEFT = "waiting", "busy", "done", "failed", "cancelled", "interrupted", "left"
_SIGNS = {
    WAITING: ("○", "o", "waiting"), BUSY: ("●", ">", "running"), DONE: ("✓", "+", "ok"), FAILED: ("✗", "x", "failed"),
    CANCELLED: ("⊘", "-", "cancelled"), INTERRUPTED: ("!", "!", "error"), LEFT: ("·", ".", "muted"),
}  # fmt: skip
_BUSY = {"create": "creating", "change": "changing", "replace": "replacing", "delete": "deleting"}
_DONE = {"create": "created", "change": "changed", "replace": "replaced", "delete": "deleted"}
_WORDS = {WAITING: "waiting", FAILED: "failed", CANCELLED: "cancelled", INTERRUPTED: "interrupted", LEFT: "not done"}
_ACTIONS = {"CREATING": "create", "UPDATING": "change", "DELETING": "delete"}
_ENDS = {"ACTIVE": DONE, "DELETED": DONE, "FAILED": FAILED, "CANCELLED": CANCELLED}
HERE = "local"
"""What the region of a host with one place is called."""
MORE = "…"
"""Stands for the parts of a resource that are counted, not listed."""
MOST_PARTS, FEW_PARTS = 6, 2
"""So many parts of a resource are listed by themselves; and so many where more than three resources move at once."""
FOLDED_FROM = 5
"""So many regions, and those in which nothing moves are one line each."""
_ECHOES = ("creation cancelled", "update cancelled", "creation canceled", "update canceled")
"""What CloudFormation says of resources that another one's failure ended."""
Key = tuple[str, str, str, str]
"""(region, kind, name, part); texts are empty from the right on for what is larger"""


@dataclass
class Step:
    """One resource, or a part of one, on its way."""

    key: Key
    """which: the part is "" for the whole of a resource"""
    action: str
    """what is done to it; "" for a part, which no plan names, until something is"""
    status: str = WAITING
    begun: float | None = None
    ended: float | None = None
    parts: dict[str, "Step"] = field(default_factory=dict)

    def take(self, event: "Event") -> None:
        """Something happened to it."""
        self.begun = event.at if self.begun is None else self.begun
        self.action = self.action or _ACTIONS.get(event.phase, "")
        if event.phase == "LOG":
            self.status = BUSY if self.status == WAITING else self.status
            return
        self.status = _ENDS.get(event.phase, BUSY)
        self.ended = event.at if self.status != BUSY else None


@dataclass(frozen=True)
class Row:
    """One line of the tree."""

    key: Key
    depth: int
    text: str
    sign: str
    word: str
    style: str
    time: str


@dataclass(frozen=True)
class Stage:
    """One phase of the deployment as a whole."""

    name: str
    sign: str
    style: str
    count: str = ""
    """`2/5`, "" where there is nothing to count"""


@dataclass(frozen=True)
class Failure:
    """What is pinned on top: what did not work, why, and what can be done."""

    title: str
    cause: str
    remedy: str
    style: str
    """failed, or cancelled for what somebody wanted"""


class Progress:
    """Takes events as they come and tells how things are."""

    def __init__(self, plan: "Plan") -> None:
        self.steps = {(one.region, one.kind, one.name, ""): Step((one.region, one.kind, one.name, ""), one.action) for one in plan.changes}
        self.changes = {(one.region, one.kind, one.name): one for one in plan.changes}
        self.first_failure: Event | None = None
        self.last_at: float | None = None

    def add(self, events: Iterable["Event"]) -> None:
        """Take what happened, in order."""
        for event in events:
            self.last_at = event.at
            key = (event.region, event.kind, event.name, "")
            step = self.steps.setdefault(key, Step(key, ""))
            if event.part:
                part = step.parts.setdefault(event.part, Step((*key[:3], event.part), ""))
                part.take(event)
                if event.phase == "FAILED" and is_echo(event):
                    part.status = CANCELLED
                if step.status == WAITING:
                    step.status, step.begun = BUSY, event.at
            else:
                step.take(event)
            if event.phase == "FAILED" and (self.first_failure is None or is_echo(self.first_failure)):
                self.first_failure = event

    # -- counts --------------------------------------------------------------------------------------------------------
    @property
    def done(self) -> int:
        """Resources that are as wanted."""
        return sum(step.status == DONE for step in self.steps.values())

    @property
    def total(self) -> int:
        """Resources that the plan changes."""
        return len(self.steps)

    # -- tree ----------------------------------------------------------------------------------------------------------
    def rows(
        self,
        state: "State",
        now: float,
        ascii: bool = False,
        opened: frozenset[Key] = frozenset(),
        only: str | None = None,
    ) -> list[Row]:
        """The tree, regions in their order in the plan.

        now: seconds since 1970; opened: what was chosen: its parts are wanted; only: the one region to show, None for all.
        """
        regions: dict[str, list[Step]] = {}
        for step in self.steps.values():
            if is_in(step.key[0], only):
                regions.setdefault(step.key[0], []).append(step)
        moving = sum(step.status == BUSY for step in self.steps.values())
        most = FEW_PARTS if moving > 3 else MOST_PARTS
        found: list[Row] = []
        for region, steps in regions.items():
            found.append(self._region(region, steps, state, now, ascii))
            status = _together([_settled(step, state) for step in steps])
            if len(regions) >= FOLDED_FROM and status in (DONE, WAITING, LEFT) and not any(key[0] == region for key in opened):
                continue
            for step in steps:
                found.append(self._row(step, 1, _named(step), state, now, ascii))
                is_open = any(key[:3] == step.key[:3] for key in opened)
                found += self._parts(step, state, now, ascii, None if is_open else most)
        return found

    def _parts(self, step: Step, state: "State", now: float, ascii: bool, most: int | None) -> list[Row]:
        """What it is made of. most: so many that move or failed are listed, with a count of the rest; None: all, because it was opened."""
        if not step.parts or (most is not None and _settled(step, state) not in (BUSY, FAILED, INTERRUPTED)):
            return []
        wanted = list(step.parts.values())
        if most is not None:
            failed = [part for part in wanted if part.status == FAILED]
            moving = [part for part in wanted if part.status == BUSY]
            wanted = [*failed, *moving][:most]
        rows = [self._row(part, 2, part.key[3].replace("AWS::", ""), state, now, ascii) for part in wanted]
        rest = len(step.parts) - len(wanted)
        if rest:
            done = sum(part.status == DONE for part in step.parts.values())
            text = plural(rest, "more part" if wanted else "part") + (f", {done} done" if done else "")
            rows.append(Row((*step.key[:3], MORE), 2, text, "." if ascii else "·", "", "muted", ""))
        return rows

    def _region(self, region: str, steps: list[Step], state: "State", now: float, ascii: bool) -> Row:
        status = _together([_settled(step, state) for step in steps])
        done = sum(step.status == DONE for step in steps)
        sign, style = _look(status, ascii)
        begun = min((step.begun for step in steps if step.begun is not None), default=None)
        busy = any(step.status == BUSY for step in steps)
        ended = self.last_at if busy else max((step.ended for step in steps if step.ended is not None), default=self.last_at)
        ended = None if busy and state in ("PLANNED", "RUNNING") else ended
        return Row((region, "", "", ""), 0, region or HERE, sign, f"{done} of {len(steps)}", style, _elapsed(begun, ended, now, state))

    def _row(self, step: Step, depth: int, text: str, state: "State", now: float, ascii: bool) -> Row:
        status = _settled(step, state)
        sign, style = _look(status, ascii)
        word = _BUSY.get(step.action, "busy") if status == BUSY else _DONE.get(step.action, "done") if status == DONE else _WORDS[status]
        if status == BUSY and step.key[1] == "image" and step.action != "delete":
            word = "building"
        ended = step.ended or (self.last_at if status in (INTERRUPTED, CANCELLED) else None)
        return Row(step.key, depth, text, sign, word, style, _elapsed(step.begun, ended, now, state))

    # -- phases --------------------------------------------------------------------------------------------------------
    def stages(self, state: "State", ascii: bool = False) -> list[Stage]:
        """plan, bootstrap and build (where there is such a thing), apply, done."""
        groups: dict[str, list[Step]] = {"bootstrap": [], "build": [], "apply": []}
        for step in self.steps.values():
            is_built = step.key[1] == "image" and step.action != "delete"
            groups["build" if is_built else "bootstrap" if step.key[1] == "bootstrap" else "apply"].append(step)
        middle = [self._stage(name, steps, state, ascii) for name, steps in groups.items() if steps]
        end = {"PLANNED": WAITING, "RUNNING": WAITING, "SUCCEEDED": DONE, "ROLLED_BACK": LEFT}.get(state, "")
        sign, style = _look(end or _together([_settled(step, state) for step in self.steps.values()]), ascii)
        words = {"FAILED": "failed", "CANCELLED": "cancelled", "INTERRUPTED": "interrupted", "ROLLED_BACK": "rolled back"}
        if state in words:
            sign, style = STATE_LOOKS[state][1 if ascii else 0], STATE_LOOKS[state][2]
        return [Stage("plan", *_look(DONE, ascii)), *middle, Stage(words.get(state, "done"), sign, style)]

    def _stage(self, name: str, steps: list[Step], state: "State", ascii: bool) -> Stage:
        done = sum(step.status == DONE for step in steps)
        return Stage(name, *_look(_together([_settled(step, state) for step in steps]), ascii), f"{done}/{len(steps)}")

    # -- what went wrong -----------------------------------------------------------------------------------------------
    def failure(self, deployment: "Deployment", ascii: bool = False) -> Failure | None:
        """What is pinned on top; None while all is well and once it was taken back."""
        state = deployment.state
        sign = STATE_LOOKS["FAILED" if state == "RUNNING" else state][1 if ascii else 0]
        noun = "stack" if any(region for region, *_ in self.steps) else "resource"
        left = f"{self.done} of {plural(self.total, noun)} done. Retry does the rest"
        if state in ("SUCCEEDED", "ROLLED_BACK", "PLANNED"):
            return None
        if self.first_failure is not None and not (deployment.cancelled_by and is_echo(self.first_failure)):
            event = self.first_failure
            dot = " - " if ascii else " · "
            where = f"{event.region}{dot}" if event.region else ""
            title = f"{sign} {where}{event.kind} {event.name}{f'{dot}{event.part}' if event.part else ''} failed"
            return Failure(title, event.text or deployment.reason, self._remedy(event, deployment), "failed")
        if state == "FAILED":
            return Failure(f"{sign} failed", deployment.reason, left, "failed")
        if state == "INTERRUPTED":
            return Failure(f"{sign} interrupted", deployment.reason, left, "failed")
        if state == "CANCELLED":
            return Failure(f"{sign} {deployment.reason or 'cancelled'}", "", left, "cancelled")
        return None

    def _remedy(self, event: "Event", deployment: "Deployment") -> str:
        change = self.changes.get((event.region, event.kind, event.name))
        directory = (change.body or {}).get("directory") if change is not None else None
        if event.kind == "image" and directory:
            return f"Correct what is in {directory}, then retry"
        if not deployment.is_over and event.region and not deployment.plan.keep_failed:
            return "What this stack made is taken back; what does not need it goes on. Then correct the cause and retry"
        return "Correct the cause, then retry; or roll back to what was there before"


def is_in(region: str, only: str | None) -> bool:
    """Whether something in a region is shown when only one is: what belongs to none is always."""
    return not region or only is None or region == only


def took(deployment: "Deployment", now: float) -> str:
    """How long it took, or has taken so far; "" where its process died and nobody knows."""
    if deployment.is_over and deployment.ended is None:
        return ""
    return short(deployment.took(now)) if deployment.is_over else _whole(deployment.took(now))


def plan_lines(plan: "Plan", most: int = 12) -> str:
    """What a plan does, a line each, at most so many; for questions."""
    lines = [_line(change) for change in plan.changes]
    if len(lines) > most:
        lines[most - 1 :] = [f"and {len(lines) - most + 1} more"]
    return "\n".join(lines) or "Nothing has to change: everything is as it should be."


def is_echo(event: "Event") -> bool:
    """Whether a failure only follows from another one."""
    return bool(event.part) and any(echo in event.text.lower() for echo in _ECHOES)


def _line(change: "Change") -> str:
    where = f"{change.region} " if change.region else ""
    fields = [one for one in change.fields if one.field not in ("name", "log", "reason", "state")]
    shown = ", ".join(f"{one.field} {one.before} -> {one.after}" for one in fields[:3]) if change.action in ("change", "replace") else ""
    more = f" and {len(fields) - 3} more" if shown and len(fields) > 3 else ""
    return f"{change.action} {where}{change.kind} {change.name}{f': {shown}{more}' if shown else ''}"


def _named(step: Step) -> str:
    """`cluster big`; what is named after its region, `region`."""
    region, kind, name, _ = step.key
    return kind if name == region else f"{kind} {name}"


def _settled(step: Step, state: "State") -> str:
    """What is still under way, or waits, in a deployment that is over has another name; a failed part fails the whole."""
    status = step.status
    if status == BUSY and any(part.status == FAILED for part in step.parts.values()):
        return FAILED
    if state in ("PLANNED", "RUNNING"):
        return status
    if status == BUSY:
        return CANCELLED if state == "CANCELLED" else INTERRUPTED
    return LEFT if status == WAITING else status


def _together(statuses: list[str]) -> str:
    """One status for several: the worst, then what moves."""
    for status in (FAILED, INTERRUPTED, CANCELLED, BUSY):
        if status in statuses:
            return status
    if all(status == DONE for status in statuses):
        return DONE
    return BUSY if DONE in statuses and WAITING in statuses else statuses[0] if len(set(statuses)) == 1 else LEFT


def _look(status: str, ascii: bool) -> tuple[str, str]:
    sign, plain, style = _SIGNS[status]
    return plain if ascii else sign, style


def _elapsed(begun: float | None, ended: float | None, now: float, state: "State") -> str:
    if begun is None:
        return ""
    if ended is not None:
        return short(ended - begun)
    return _whole(now - begun) if state in ("PLANNED", "RUNNING") else ""


def short(seconds: float) -> str:
    """Of something that is over: `2ms` where it was quick."""
    return f"{max(0.0, seconds) * 1000:.0f}ms" if seconds < 1 else duration(seconds)


def _whole(seconds: float) -> str:
    """Of something that goes on: whole seconds, so that it changes once a second."""
    return duration(int(seconds)) if seconds >= 10 else f"{max(0, int(seconds))}s"
