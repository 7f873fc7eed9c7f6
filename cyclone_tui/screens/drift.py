"""What somebody changed beside Cyclone, of one resource or of the whole host, and the way to put it back.

`:drift [KIND NAME]`. AWS takes seconds to minutes to compare, so that is done once, and again when asked for (`r`).
"""

from shlex import quote
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from cyclone_core.errors import InvalidRequest
from cyclone_core.operations import drift, removals
from cyclone_core.operations.drift import Drift
from cyclone_core.operations.queries import HostView
from cyclone_core.operations.resources import Proposal
from cyclone_tui import drift_columns as looks
from cyclone_tui.actions import Action, bound
from cyclone_tui.screens.base import background
from cyclone_tui.screens.filtered import FilteredView
from cyclone_tui.widgets.filter_line import FilterLine
from cyclone_tui.widgets.row_table import RowTable

_TOLD_EVERY_S = 0.5


class DriftView(FilteredView):
    """See the module."""

    NAME = "drift"
    FAR = True
    LIVE: ClassVar[bool] = False
    ACTIONS = (
        Action("drift.mend", "m", "mend", "Put back", "put back what differs: what is shown, after its plan",
               twin="hyper KINDS update-KIND --name NAME --revert-drift", writes=True),
        Action("drift.yaml", "y", "yaml", "YAML", "copy as YAML", twin="hyper KINDS list-KINDS --name NAME --drift --json", show=False),
    )  # fmt: skip
    BINDINGS = bound(ACTIONS)
    FILTERED = looks.FILTERED
    DEFAULT_CSS = """
    DriftView #head { height: 1; padding: 0 1; background: $surface; }
    DriftView #rows { height: 1fr; }
    DriftView #about { height: 3; padding: 0 1; color: $muted; background: $surface; }
    """

    def __init__(self, arguments: Any = None) -> None:
        super().__init__(arguments)
        self.kind, self.resource = self.arguments.get("kind") or "", self.arguments.get("name")
        self._found: list[Drift] | None = None
        self._progress = (0, 0)

    def crumb(self) -> str:
        """With what it is of."""
        return " ".join(filter(None, ["drift", self.kind, self.resource, self.filter_text and f"/{self.filter_text}"]))

    def twin(self) -> str:
        """What prints the same."""
        return drift.look_line(self.kind, self.resource or "")

    def body(self) -> ComposeResult:
        """What came of it, the filter, the properties, the one under the cursor."""
        yield Static("", id="head")
        yield FilterLine()
        yield RowTable[looks.Row](id="rows", ascii=self.session.settings.ascii, marks=False, empty="")
        yield Static("", id="about")

    def on_mount(self) -> None:
        """While it is compared, how far that is."""
        self.table.set_columns(looks.columns())
        self.set_interval(_TOLD_EVERY_S, self._tell_progress)

    def _tell_progress(self) -> None:
        done, count = self._progress
        if self._found is None:
            self.query_one("#head", Static).update(
                Content(f"comparing with the account: {done} of {count} stacks" if count else "comparing …")
            )

    # -- reading and showing -----------------------------------------------------------------------------------------
    def load(self, host: HostView) -> list[Drift]:
        """Compare, unless that was done."""
        if self._found is None:
            self._found = drift.of(host, self.kind, self.resource, self._note)
        return self._found

    def _note(self, done: int, count: int) -> None:
        self._progress = done, count

    def show(self, data: list[Drift]) -> None:
        """Show it."""
        self.query_one("#head", Static).update(Content(looks.heading(data)))
        self.show_rows()

    def show_rows(self) -> None:
        """The rows that fit."""
        rows = looks.rows(self._data)
        self.table.empty = "Nothing fits. Esc takes the filter away" if rows else "Nothing differs"
        self.table.set_rows([row for row in rows if self.fits(_cells(row))], lambda row: row.key)
        self._explain()

    def on_row_table_highlighted(self, event: RowTable.Highlighted) -> None:
        """Another property."""
        self._explain()

    def _explain(self) -> None:
        row: looks.Row | None = self.table.current
        text = f"{row.resource} in {row.region}: {row.what} {row.path}\nexpected {row.expected}, actual {row.actual}" if row else ""
        self.query_one("#about", Static).update(Content(text))

    def action_refresh_now(self) -> None:
        """Compare again."""
        self._found, self._progress = None, (0, 0)
        super().action_refresh_now()

    # -- doing -------------------------------------------------------------------------------------------------------
    def action_yaml(self) -> None:
        """Copy it."""
        if self.has_data:
            self.copy_yaml([each.record() for each in self._data], "the drift")

    @background
    async def action_mend(self) -> None:
        """Show what is put back, ask, and begin."""
        if not self.has_data or not any(each.resources for each in self._data):
            self.cyclone.tell("there is nothing to put back")
            return
        proposal = await self.attempt(drift.propose_mend, self.kind, self.resource)
        if proposal is None:
            return
        if proposal.problems:
            self.cyclone.tell_error(InvalidRequest(proposal.problems))
            return
        if not proposal.plan:
            self.cyclone.tell("everything is as it was made")
            return
        twin = drift.mend_line(self.kind, quote(self.resource or ""))
        what = f"{self.kind} {self.resource}" if self.resource else f"host {self.session.host}"
        if await self.confirm(f"Put back what was changed of {what}?", _told(proposal), twin):
            number = await self.attempt(removals.start, proposal, twin)
            if number is not None:
                self._found = None
                self.cyclone.open(f"deployment {number}")


def _told(proposal: Proposal) -> str:
    lines = []
    for stack in proposal.details.stacks if proposal.details else ():
        lines.append(f"{stack.action} {stack.kind} {stack.name} in {stack.region}{f': {stack.note}' if stack.note else ''}")
        for each in stack.resources:
            lines += [f"  {each.logical_id} {path}: {now or 'nothing'} -> {then or 'nothing'}" for path, now, then in each.reverted]
            lines += [f"  {each.logical_id} is made again"] if each.action == "create" else []
    return "\n".join(lines)


def _cells(row: looks.Row) -> dict[str, str]:
    return {
        "resource": row.resource, "region": row.region, "what": row.what, "property": row.path, "expected": row.expected,
        "actual": row.actual,
    }  # fmt: skip
