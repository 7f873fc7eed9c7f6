"""What was changed on a host and what is being changed, newest first: the way back to a deployment that was left, and its history."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType

from cyclone_core.operations.deployments import Deployment, History
from cyclone_core.operations.queries import HostView
from cyclone_core.views import iso
from cyclone_tui.actions import Action, bound
from cyclone_tui.deployment_progress import STATE_LOOKS, took
from cyclone_tui.formatters import moment
from cyclone_tui.screens.base import background
from cyclone_tui.screens.deployment_flows import DeploymentFlows
from cyclone_tui.screens.filtered import FilteredView
from cyclone_tui.widgets.filter_line import FilterLine
from cyclone_tui.widgets.row_table import Column, RowTable


@dataclass(frozen=True)
class Item:
    """One line of the list, as it looks."""

    deployment: Deployment
    state: str
    style: str
    took: str


_COLUMNS = (
    Column[Item]("number", "#", lambda one: str(one.deployment.number), 4, "right", lambda one: "number", "number",
                 value=lambda one: one.deployment.number),
    Column[Item]("state", "State", lambda one: one.state, 13, style=lambda one: one.style, sort="state"),
    Column[Item]("what", "What", lambda one: one.deployment.what, sort="what", least=20),
    Column[Item]("started", "Started", lambda one: moment(one.deployment.started), 11, sort="started",
                 value=lambda one: one.deployment.started),
    Column[Item]("took", "Took", lambda one: one.took, 7, "right", sort="took", value=lambda one: one.deployment.took(time.time())),
    Column[Item]("reason", "Reason", lambda one: one.deployment.reason, style=lambda one: "muted", priority=3, least=30),
    Column[Item]("by", "By", lambda one: one.deployment.by, 12, style=lambda one: "muted", sort="by", priority=2),
)  # fmt: skip


_NONE = "No deployment yet: :new queue or :new cluster makes the first"


class DeploymentsView(FilteredView, DeploymentFlows):
    """See the module."""

    NAME = "deployments"
    ACTIONS = (
        Action("deployments.open", "enter", "open_one", "Open", "show the deployment, live while it runs", "hyper deployments show NUMBER"),
        Action("deployments.cancel", "x", "cancel", "Cancel", "end it after what it is doing now", "hyper deployments cancel NUMBER",
               writes=True, danger=True),
        Action("deployments.retry", "t", "retry", "Retry", "do what it left undone", "hyper deployments retry NUMBER", writes=True,
               danger=True),
        Action("deployments.roll_back", "b", "roll_back", "Roll back", "go back to what was there before",
               "hyper deployments roll-back NUMBER", writes=True, danger=True),
        Action("deployments.copy", "y", "copy", "YAML", "copy the record as YAML", "hyper deployments show NUMBER --json"),
    )  # fmt: skip
    BINDINGS: ClassVar[list[BindingType]] = bound(ACTIONS)
    FILTERED = ("number", "state", "what", "reason", "by", "command", "changes")

    def __init__(self, arguments: Mapping[str, str] | None = None) -> None:
        super().__init__(arguments)
        self._history = History()
        self._items: tuple[Item, ...] = ()
        self._known_state = ""

    def twin(self) -> str:
        """What shows the same on a terminal."""
        return "hyper deployments list"

    def body(self) -> ComposeResult:
        """Filter and table."""
        yield FilterLine()
        yield RowTable[Item](_COLUMNS, id="rows", empty=_NONE, ascii=self.session.settings.ascii, marks=False)

    def load(self, host: HostView) -> tuple[Item, ...]:
        """All of them; what is over was read before."""
        now = int(time.time())
        return tuple(self._item(one, now) for one in self._history.look(host))

    def _item(self, one: Deployment, now: int) -> Item:
        sign, plain, style = STATE_LOOKS[one.state]
        word = "CANCELLING" if one.cancelled_by and not one.is_over else one.state
        return Item(one, f"{plain if self.session.settings.ascii else sign} {word}", style, took(one, now))

    def show(self, data: tuple[Item, ...]) -> None:
        """Show those that the filter wants."""
        self._items = data
        self.show_rows()

    def show_rows(self) -> None:
        """Those that the filter wants."""
        wanted = [item for item in self._items if self.fits(cells(item))]
        table = self.query_one(RowTable)
        table.empty = "Nothing fits. Esc takes the filter away" if self._items else _NONE
        table.set_rows(wanted, lambda item: item.deployment.number)
        self._show_keys()

    @property
    def _current(self) -> Deployment | None:
        item = self.query_one(RowTable).current if self.is_mounted else None
        return item.deployment if item is not None else None

    @on(RowTable.Highlighted)
    def _show_keys(self) -> None:
        """Keys follow what the cursor is on."""
        one = self._current
        if one is not None and self._known_state != one.state:
            self._known_state = one.state
            self.refresh_bindings()

    @on(RowTable.Opened)
    def _opened(self, event: RowTable.Opened) -> None:
        self.open_deployment(event.record.deployment.number)

    # -- actions -----------------------------------------------------------------------------------------------------
    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what makes sense for the deployment under the cursor is there."""
        if action in ("cancel", "retry", "roll_back", "open_one", "copy") and self.is_mounted:
            one = self._current
            if one is None:
                return False
            sensible = {"cancel": not one.is_over and not one.cancelled_by, "retry": one.can_retry, "roll_back": one.can_roll_back}
            if not sensible.get(action, True):
                return False
        return super().check_action(action, parameters)

    def action_open_one(self) -> None:
        """Show the deployment under the cursor."""
        if self._current is not None:
            self.open_deployment(self._current.number)

    @background
    async def action_cancel(self) -> None:
        """End it."""
        if self._current is not None:
            await self.cancel_deployment(self._current.number)

    @background
    async def action_retry(self) -> None:
        """Do the rest."""
        if self._current is not None:
            await self.retry_deployment(self._current.number)

    @background
    async def action_roll_back(self) -> None:
        """Go back."""
        if self._current is not None:
            await self.roll_back_deployment(self._current.number)

    def action_copy(self) -> None:
        """Copy the record as YAML."""
        one = self._current
        if one is not None:
            changes = [{"action": change.action, "kind": change.kind, "name": change.name} for change in one.plan.changes]
            times = {"started": iso(one.started), "ended": iso(one.ended)}
            about = {"number": one.number, "what": one.what, "state": one.state, "reason": one.reason, "by": one.by, "command": one.command}
            self.copy_yaml({**about, **times, "changes": changes}, f"deployment {one.number}")


def cells(item: Item) -> dict[str, str]:
    """What a filter may ask of a deployment."""
    one = item.deployment
    names = " ".join(f"{change.kind} {change.name} {change.region}" for change in one.plan.changes)
    return {
        "number": str(one.number), "state": one.state, "what": one.what, "reason": one.reason, "by": one.by, "command": one.command,
        "changes": names,
    }  # fmt: skip
