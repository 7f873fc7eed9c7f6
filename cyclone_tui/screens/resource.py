"""Everything about one resource: fields and where their values come from, what it does now, what needs it, what happened to it.

`:describe cluster NAME`. Enter follows a line: to the queue that needs a cluster, to the jobs behind a number, to the deployment that
changed it last.
"""

import asyncio
from collections.abc import Callable
from shlex import quote
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from cyclone_core.operations import descriptions, host_descriptions
from cyclone_core.operations.descriptions import Description
from cyclone_core.operations.queries import HostView
from cyclone_core.operations.resources import Stored
from cyclone_core.scheduler.references import PLURALS
from cyclone_tui import navigation
from cyclone_tui.actions import Action, bound
from cyclone_tui.resource_lines import Line
from cyclone_tui.screens.resource_flows import ResourceFlows
from cyclone_tui.screens.sheet import Sheet
from cyclone_tui.widgets.row_table import RowTable

_KINDS: dict[str, tuple[str, ...]] = {
    "pause": ("queue",),
    "jobs": ("queue", "definition"),
    "weights": ("queue",),
    "submit": ("queue", "definition"),
    "workers": ("cluster", "region"),
    "log": ("image",),
    "drift": ("host", "region", "cluster", "queue", "definition"),
    "delete": ("region", "cluster", "queue", "image", "definition"),
}
"""Action -> kinds that it is for; others have all actions."""


class ResourceView(ResourceFlows):
    """See the module."""

    NAME = "describe"
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action("describe.pause", "p", "pause", "Pause", "pause the queue, or go on", twin="hyper queues update-queue --name NAME --paused",
               writes=True),
        Action("describe.jobs", "J", "jobs", "Jobs", "its jobs", twin="qstat -q NAME"),
        Action("describe.weights", "W", "weights", "Weights", "how it shares its work over regions, on a map",
               twin="hyper queues weights --name NAME"),
        Action("describe.workers", "w", "workers", "Workers", "its workers", twin="hyper workers list-workers"),
        Action("describe.submit", "s", "submit", "Submit", "submit a script to it", twin="qsub -q NAME SCRIPT", writes=True, show=False),
        Action("describe.log", "l", "log", "Log", "go to the log of its build", looks=True),
        Action("describe.drift", "D", "drift", "Drift", "what somebody changed of it beside Cyclone (AWS)",
               twin="hyper KINDS list-KINDS --name NAME --drift"),
        Action("describe.edit", "e", "edit", "Edit", "change it", twin="hyper KINDS update-KIND --name NAME", writes=True),
        Action("describe.delete", "ctrl+d", "delete", "Delete", "delete it", twin="hyper KINDS delete-KIND --name NAME", writes=True,
               danger=True, display="^d"),
        Action("describe.yaml", "y", "yaml", "YAML", "copy as YAML", twin="hyper KINDS list-KINDS --name NAME --json"),
        Action("describe.value", "c", "copy_value", "Copy", "copy what the line says", looks=True, show=False),
    )  # fmt: skip
    BINDINGS = bound(ACTIONS)
    FROM_AWS = ("resources",)
    AUTO_FOCUS = "#now"
    DEFAULT_CSS = """
    ResourceView #about { height: 2; color: $text-muted; padding: 0 1; background: $surface; }
    """

    _told = Content("")

    @property
    def kind(self) -> str:
        """Of what it is."""
        return self.arguments.get("kind", "")

    @property
    def name_shown(self) -> str:
        """Which one."""
        return self.arguments.get("name", "")

    @property
    def about(self) -> Description | None:
        """What was read last."""
        return self._data if isinstance(self._data, Description) else None

    def crumb(self) -> str:
        """Kind and name."""
        return f"{self.kind} {self.name_shown}"

    def twin(self) -> str:
        """What prints the same."""
        if self.kind == "host":
            return f"hyper hosts status {self.name_shown}"
        many = PLURALS.get(self.kind, f"{self.kind}s")
        return f"hyper {many} list-{many} --name {self.name_shown}{self.at_host}"

    def body(self) -> ComposeResult:
        """The sheet, and two lines about the line under the cursor."""
        yield Sheet(self.session.settings.ascii, explained=True)
        yield Static("", id="about")

    async def read_data(self) -> Description:
        """A host is looked at from outside: it may be another, or broken."""
        if self.kind == "host":
            return await asyncio.to_thread(host_descriptions.describe_host, self.name_shown)
        found: Description = await super().read_data()
        return found

    def load(self, host: HostView) -> Description:
        """Everything about it."""
        return descriptions.describe(host, self.kind, self.name_shown)

    def show(self, data: Description) -> None:
        """Show it."""
        self.query_one(Sheet).show(data)
        if (line := self.query_one(Sheet).current) is not None:  # the same line may say something else now
            self._explain(line)

    def chosen(self) -> list[Stored]:
        """This one."""
        return [self.about.stored] if self.about is not None else []

    def deleted(self) -> None:
        """Nothing is left to show."""
        self.cyclone.back()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what its kind has."""
        if action == "drift" and self.app.is_running and not self.session.is_aws:
            return False
        if self.kind not in _KINDS.get(action, (self.kind,)):
            return False
        return super().check_action(action, parameters)

    # -- lines ---------------------------------------------------------------------------------------------------------
    @on(RowTable.Opened)
    def _opened(self, event: RowTable.Opened) -> None:
        if event.record.target:
            self._follow(event.record.target)

    def _follow(self, target: str) -> None:
        """To what a line names. One description lies upon the other, so that Esc is the way back; going to and fro piles up nothing."""
        place, arguments = navigation.parse(target)
        if place.name != self.NAME:
            self.cyclone.open(target)
            return
        below = self.cyclone.views[-2:-1]
        if below and isinstance(below[0], ResourceView) and below[0].arguments == arguments:
            self.cyclone.back()
        else:
            self.app.push_screen(ResourceView(arguments))

    @on(RowTable.Highlighted)
    def _highlighted(self, event: RowTable.Highlighted) -> None:
        line: Line | None = event.record
        focused = self.focused if isinstance(self.focused, RowTable) else self.query_one("#now", RowTable)
        if line is not None and event.table is focused:
            self._explain(line)

    def _explain(self, line: Line) -> None:
        told = _explained(line)
        if told != self._told:
            self._told = told
            self.query_one("#about", Static).update(told)

    def action_drift(self) -> None:
        """What somebody changed of it."""
        self.cyclone.open("drift" if self.kind == "host" else f"drift {self.kind} {quote(self.name_shown)}")

    def action_copy_value(self) -> None:
        """Copy a line's text."""
        line = self.query_one(Sheet).current
        if line is not None and line.text:
            self.cyclone.copy(line.text, line.label.strip() or "the line")

    def action_log(self) -> None:
        """The end of the log of the last build."""
        self._go_to(lambda line: line.key == "# Build log")

    def _go_to(self, wanted: Callable[[Line], bool]) -> None:
        if not any(table.go_to(wanted) for table in self.query_one(Sheet).tables):
            self.cyclone.tell("there is no log: the image was not built here")


def _explained(line: Line) -> Content:
    """Text in full, and what it is about."""
    if line.heading:
        return Content("")
    first = line.text if not line.note else f"{line.text}  ({line.note})"
    more = line.help if line.help != line.text else ""
    if line.target:
        more = f"Enter goes to {line.target}" + (f"   {more}" if more else "")
    return Content.assemble((first, "$foreground"), "\n", more)
