"""One deployment, live: phases, a tree of what is changed, what happens, the first failure on top, and the ways on from it.

It only looks: the deployment is a process of its own that goes on when this view, the application or the connection ends, and the view
can be opened again at any time, also after the end. New events are read from where the last look ended.
"""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Static

from cyclone_core.errors import UsageError
from cyclone_core.operations import deployments
from cyclone_core.operations.deployments import Deployment, Event
from cyclone_core.operations.queries import HostView
from cyclone_core.paths import selected_host
from cyclone_core.views import iso
from cyclone_tui import aside
from cyclone_tui.actions import Action, bound
from cyclone_tui.deployment_progress import MORE, STATE_LOOKS, Progress, Row, took
from cyclone_tui.formatters import moment
from cyclone_tui.screens.base import background
from cyclone_tui.screens.deployment_flows import DeploymentFlows
from cyclone_tui.widgets.deployment_summary import DeploymentSummary, Summary
from cyclone_tui.widgets.event_log import EventLog, Key
from cyclone_tui.widgets.log_lines import clean
from cyclone_tui.widgets.row_table import Column, RowTable

LOOK_EVERY_S = 0.3
"""So often a running deployment is looked at; one that is over as often as any view."""
LOOK_BYTES = 1 << 18
"""So much of the record is read in one look, so that a long one comes in pieces instead of holding up the screen."""
_COLUMNS = (
    Column[Row]("resource", "Resource", lambda row: f"{'  ' * row.depth}{row.sign} {row.text}", style=lambda row: row.style, least=18),
    Column[Row]("state", "State", lambda row: row.word, 11, style=lambda row: row.style, priority=1),
    Column[Row]("time", "Time", lambda row: row.time, 6, "right", style=lambda row: "muted"),
)


@dataclass(frozen=True)
class Look:
    """What one look found."""

    deployment: Deployment
    events: tuple[Event, ...]
    """Since the last look."""
    position: int
    more: bool
    """Whether there are events that this look did not read."""
    now: int
    """Seconds since 1970 while it runs, 0 after."""


class DeploymentView(DeploymentFlows):
    """See the module. `DeploymentView(12)`, or with the arguments of `:deployment 12`."""

    NAME = "deployment"
    ACTIONS = (
        Action("deployment.cancel", "x", "cancel", "Cancel", "end it after what it is doing now", "hyper deployments cancel NUMBER",
               writes=True, danger=True),
        Action("deployment.retry", "t", "retry", "Retry", "do what it left undone", "hyper deployments retry NUMBER", writes=True,
               danger=True),
        Action("deployment.roll_back", "b", "roll_back", "Roll back", "go back to what was there before",
               "hyper deployments roll-back NUMBER", writes=True, danger=True),
        Action("deployment.keep", "K", "keep", "Keep", "leave everything as it is now", looks=True),
        Action("deployment.log", "l", "log", "Log", "the log as wide as the screen, and back", looks=True),
        Action("deployment.copy", "y", "copy", "YAML", "copy the record as YAML", "hyper deployments show NUMBER --json", show=False),
    )  # fmt: skip
    BINDINGS: ClassVar[list[BindingType]] = bound(ACTIONS)
    AUTO_FOCUS = "RowTable"
    DEFAULT_CSS = """
    DeploymentView #failure { display: none; height: auto; margin: 0 1; padding: 0 1; border: round $error; background: $error 8%; }
    DeploymentView #failure.-cancelled { border: round $warning; background: $warning 8%; }
    DeploymentView #failure.-shown { display: block; }
    DeploymentView #cause { height: auto; max-height: 5; overflow-y: auto; }
    DeploymentView #failure:ansi { background: ansi_default; }
    DeploymentView #failure.-ascii { border: ascii $error; }
    DeploymentView #failure.-ascii.-cancelled { border: ascii $warning; }
    DeploymentView #remedy { height: auto; color: $muted; }
    DeploymentView #ways { height: 1; }
    DeploymentView #ways Button { margin-right: 2; min-width: 10; }
    DeploymentView #work { height: 1fr; }
    DeploymentView #tree { width: 44%; min-width: 30; max-width: 64; border-right: solid $panel; }
    DeploymentView.-wide-log #tree { display: none; }
    """

    def __init__(self, arguments: Mapping[str, str] | int) -> None:
        super().__init__({"number": str(arguments)} if isinstance(arguments, int) else arguments)
        given = self.arguments.get("number", "")
        if not (given.isascii() and given.isdigit() and len(given) < 10):
            raise UsageError(f"{given!r} is not the number of a deployment. See them with :deployments")
        self.number = int(given)
        self._position = 0
        self._progress: Progress | None = None
        self._look: Look | None = None

    # -- frame -------------------------------------------------------------------------------------------------------
    def crumb(self) -> str:
        """`deployment 12`."""
        return f"deployment {self.number}"

    def twin(self) -> str:
        """What shows the same on a terminal."""
        return f"hyper deployments {'attach' if self.is_live else 'show'} {self.number}"

    def body(self) -> ComposeResult:
        """Summary, the failure, tree and events."""
        ascii = self.session.settings.ascii
        yield DeploymentSummary()
        with Vertical(id="failure"):
            yield Static("", id="cause", markup=False)
            yield Static("", id="remedy", markup=False)
            with Horizontal(id="ways"):
                yield Button("Retry (t)", id="retry", variant="primary", compact=True)
                yield Button("Roll back (b)", id="roll_back", variant="warning", compact=True)
                yield Button("Keep (K)", id="keep", compact=True)
        with Horizontal(id="work"):
            yield RowTable[Row](_COLUMNS, empty="Reading ...", ascii=ascii, marks=False, id="tree")
            yield EventLog(f"~/cyclone-deployment-{self.number}.txt", ascii=ascii, id="events")

    def on_mount(self) -> None:
        """Look more often than other views, while it runs."""
        self.set_interval(LOOK_EVERY_S, self._look_again)

    def _look_again(self) -> None:
        if self.is_current and (self.is_live or not self.has_data):
            self.refresh_data()

    @property
    def is_live(self) -> bool:
        """Whether more will happen, as far as is known."""
        return self._look is not None and not self._look.deployment.is_over

    # -- reading -----------------------------------------------------------------------------------------------------
    def load(self, host: HostView) -> Look:
        """State, and what happened since the last look."""
        deployment = deployments.get(host, self.number)  # first: when it is over, the events that follow are all there are
        events, position = deployments.read_events(host, self.number, self._position, LOOK_BYTES)
        more = position - self._position > LOOK_BYTES // 2
        return Look(deployment, tuple(events), position, more, 0 if deployment.is_over else int(time.time()))

    def show(self, data: Look) -> None:
        """Take the new events; draw what differs."""
        if self._progress is None:
            self._progress = Progress(data.deployment.plan)
        was_live, self._look = self.is_live, data
        self._position = data.position
        self._progress.add(data.events)
        log = self.query_one(EventLog)
        log.alone = self._progress.total == 1
        log.take(data.events)
        log.tell_state("live" if self.is_live else data.deployment.state.lower().replace("_", " "))
        self._show_tree()
        self._show_summary(self._progress, data)
        self._show_failure_panel(self._progress, data.deployment)
        if was_live != self.is_live or not was_live:
            self.refresh_bindings()
        if was_live != self.is_live:
            self.session.read_anew()
            self.cyclone.look()
        if data.more:
            self.refresh_data()

    def update_frame(self) -> None:
        """Another region may have been chosen."""
        super().update_frame()
        for log in self.query(EventLog):
            if log.place != self.session.region:
                log.place = self.session.region
                log.choose(log.only)
                self._show_tree()

    def _show_tree(self) -> None:
        if self._progress is not None and self._look is not None:
            only = self.query_one(EventLog).only
            opened = frozenset([only]) if only else frozenset[Key]()
            state, ascii = self._look.deployment.state, self.session.settings.ascii
            rows = self._progress.rows(state, self._look.now, ascii, opened, self.session.region)
            self.query_one("#tree", RowTable).set_rows(rows, lambda row: row.key)

    def _show_summary(self, progress: Progress, look: Look) -> None:
        one, ascii = look.deployment, self.session.settings.ascii
        sign, plain, style = STATE_LOOKS[one.state]
        ending = bool(one.cancelled_by) and not one.is_over
        state = "CANCELLING" if ending else one.state
        dot = "-" if ascii else "·"
        back = f", rolled back by deployment {one.rolled_back_by}" if one.rolled_back_by else ""
        about = f"by {one.by} at {moment(one.started)}{back}{f'  {dot}  {one.command}' if one.command else ''}"
        stages = tuple(progress.stages(one.state, ascii))
        self.query_one(DeploymentSummary).show(
            Summary(
                plain if ascii else sign, state, style, one.what, took(one, look.now), about, stages, progress.done, progress.total, ascii
            )
        )

    def _show_failure_panel(self, progress: Progress, deployment: Deployment) -> None:
        panel, failure = self.query_one("#failure"), progress.failure(deployment, self.session.settings.ascii)
        panel.set_class(failure is not None, "-shown")
        if failure is None:
            return
        panel.set_class(failure.style == "cancelled", "-cancelled")
        panel.set_class(self.session.settings.ascii, "-ascii")
        panel.border_title = Content(failure.title).markup
        self._say("#cause", failure.cause)
        self._say("#remedy", failure.remedy)
        self.query_one("#ways").display = deployment.can_retry and not self.session.read_only

    def _say(self, selector: str, text: str) -> None:
        line = self.query_one(selector, Static)
        line.display = bool(text)
        if str(line.content) != text:
            line.update(Content("\n".join(clean(part) for part in text.splitlines())))

    # -- events ------------------------------------------------------------------------------------------------------
    @on(RowTable.Opened)
    def _choose(self, event: RowTable.Opened) -> None:
        """Enter on a row of the tree: only its events, or all again."""
        log, key = self.query_one(EventLog), event.record.key
        key = (*key[:3], "") if key[3] == MORE else key
        log.choose(None if key == log.only else key)
        self._show_tree()

    @on(EventLog.SaveAsked)
    @background
    async def _save(self, event: EventLog.SaveAsked) -> None:
        """The events of all resources, into a file."""
        path, text = os.path.expanduser(event.path), self.query_one(EventLog).text()
        await self.attempt(lambda host: _write_file(path, text), done=f"saved to {path}")

    # -- actions -----------------------------------------------------------------------------------------------------
    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what makes sense in its state is there."""
        if action in ("cancel", "retry", "roll_back", "keep"):
            one = self._look.deployment if self._look is not None else None
            sensible = {
                "cancel": one is not None and not one.is_over and not one.cancelled_by,
                "retry": one is not None and one.can_retry,
                "roll_back": one is not None and one.can_roll_back,
                "keep": one is not None and one.can_retry,
            }
            if not sensible[action]:
                return False
        return super().check_action(action, parameters)

    def action_back(self) -> None:
        """Leave; it goes on."""
        if self.is_live:
            self.cyclone.tell(f"deployment {self.number} goes on. :deployment {self.number} shows it again")
        if self._look is not None and _took_the_host(self._look.deployment):  # nothing of it is left to look at
            aside.begin(_clear, self.session.host)
            self.cyclone.switch_host(selected_host())
            return
        super().action_back()

    @background
    async def action_cancel(self) -> None:
        """End it."""
        await self.cancel_deployment(self.number)

    @background
    async def action_retry(self) -> None:
        """Do the rest."""
        await self.retry_deployment(self.number)

    @background
    async def action_roll_back(self) -> None:
        """Go back."""
        await self.roll_back_deployment(self.number)

    def action_keep(self) -> None:
        """Leave things as they are."""
        self.cyclone.tell(f"everything stays as it is. Later: {deployments.retry_line(self.number)}, or roll-back")
        self.cyclone.back()

    def action_log(self) -> None:
        """Show the events alone, or with the tree again."""
        wide = self.toggle_class("-wide-log").has_class("-wide-log")
        (self.query_one(EventLog).pane if wide else self.query_one("#tree")).focus()

    def action_copy(self) -> None:
        """Copy the record as YAML."""
        if self._look is not None:
            self.copy_yaml(record(self._look.deployment, self.query_one(EventLog).events), f"deployment {self.number}")

    @on(Button.Pressed)
    async def _pressed(self, event: Button.Pressed) -> None:
        """A way on from a failure."""
        await self.run_action(str(event.button.id))


def record(deployment: Deployment, events: list[Event]) -> dict[str, object]:
    """A deployment to be copied."""
    one = deployment
    return {
        "number": one.number, "what": one.what, "state": one.state, "reason": one.reason, "by": one.by, "command": one.command,
        "started": iso(one.started), "ended": iso(one.ended),
        "changes": [{"action": change.action, "kind": change.kind, "name": change.name} for change in one.plan.changes],
        "events": [{"at": iso(one.at), "kind": one.kind, "name": one.name, "phase": one.phase, "text": one.text} for one in events],
    }  # fmt: skip


def _clear(name: str) -> None:
    """What this machine recorded of a host that is gone, unless another one of that name has come."""
    from cyclone_core.host_registry import HostRegistry
    from cyclone_core.operations import aws_hosts
    from cyclone_core.resources import Host

    if name not in [host.name for host in HostRegistry().list()[0]]:
        aws_hosts.clear(Host(name=name, type="aws"))


def _took_the_host(one: Deployment) -> bool:
    return one.state == "SUCCEEDED" and any((change.kind, change.action) == ("host", "delete") for change in one.plan.changes)


def _write_file(path: str, text: str) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
