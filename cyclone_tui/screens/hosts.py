"""Hosts: which there are, how each is, which one commands use; switch to one, start, stop, add, change, delete.

The list looks at all hosts from outside, so it is there when the host of the session is broken or does not answer: it is the way out.
"""

import asyncio
import time
from collections.abc import Sequence
from shlex import quote
from typing import Any, ClassVar

from cyclone_core.errors import CycloneError, InvalidRequest
from cyclone_core.host_registry import HostRegistry
from cyclone_core.jobs import RUNNING
from cyclone_core.operations import aws_hosts, host_descriptions, hosts
from cyclone_core.operations.descriptions import Description
from cyclone_core.operations.host_descriptions import HostLine, HostList
from cyclone_core.paths import DEFAULT_HOST
from cyclone_core.problems import Problem
from cyclone_core.resource_fields import plain
from cyclone_core.resources import Host
from cyclone_core.scheduler.settings import read_duration
from cyclone_tui import aside, formatters, host_columns
from cyclone_tui.actions import Action, bound
from cyclone_tui.screens.aws_host_flows import AwsHostFlows
from cyclone_tui.screens.base import background
from cyclone_tui.screens.list_view import ListView
from cyclone_tui.screens.modals import Choose
from cyclone_tui.widgets.table_columns import Column


class HostsView(ListView[HostLine], AwsHostFlows):
    """See the module."""

    NAME = "hosts"
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action("hosts.use", "u", "use", "Use", "look at it, and let all commands use it (also Enter)", twin="hyper hosts select-host NAME"),
        Action("hosts.describe", "d", "describe", "Describe", "everything about it", twin="hyper hosts status NAME", show=False),
        Action("hosts.start", "s", "start", "Start", "start it", twin="hyper hosts start NAME", writes=True),
        Action("hosts.stop", "x", "stop", "Stop", "stop it; running tasks go back to Waiting", twin="hyper hosts stop NAME", writes=True,
               danger=True),
        Action("hosts.edit", "e", "edit", "Edit", "change it", twin="hyper hosts update-host --name NAME", writes=True),
        Action("hosts.add", "a", "add", "Add", "make a new host", twin="hyper hosts create-host", writes=True),
        Action("hosts.import", "I", "import", "Import", "use an AWS host that was deployed elsewhere", twin="hyper hosts import-deployment",
               writes=True, show=False),
        Action("hosts.delete", "ctrl+d", "delete", "Delete", "delete it with all of its jobs", twin="hyper hosts delete-host --name NAME",
               writes=True, danger=True, display="^d"),
        Action("hosts.purge", "P", "purge", "Purge", "forget its old jobs", twin="hyper hosts purge --older-than 30d --name NAME",
               writes=True, danger=True, show=False),
        Action("hosts.yaml", "y", "yaml", "YAML", "copy as YAML", twin="hyper hosts list-hosts --name NAME --json", show=False),
    )  # fmt: skip
    BINDINGS = bound(ACTIONS)

    found = HostList(())

    def twin(self) -> str:
        """What prints the same list."""
        return "hyper hosts list-hosts"

    # -- what it shows -------------------------------------------------------------------------------------------------
    async def read_data(self) -> Any:
        """The hosts, not by way of the session's one."""
        return await asyncio.to_thread(self._look, self._looked_at)

    def _look(self, name: str | None) -> tuple[tuple[HostLine, ...], Description | None, HostList]:
        found = host_descriptions.host_list()
        about = None
        if name is not None and any(line.name == name for line in found.lines):
            about = host_descriptions.describe_host(name)
        return found.lines, about, found

    def show(self, data: Any) -> None:
        """Show them."""
        first = not self.rows
        self.found = data[2]
        super().show(data[:2])
        if first:
            self.table.select(self.session.host)

    def columns(self, rows: Sequence[HostLine]) -> Sequence[Column[HostLine]]:
        """Health, numbers, where it stores."""
        return host_columns.columns(rows, self.session.settings.ascii)

    def cells(self, row: HostLine) -> dict[str, str]:
        """What a filter may ask."""
        return host_columns.cells(row)

    def counted(self) -> str:
        """How many, and how they are."""
        return host_columns.summary(self.found, len(self.shown))

    def nothing(self) -> str:
        """Never: there is always the host local."""
        return "No host: a adds one"

    def current(self) -> HostLine | None:
        """The one under the cursor."""
        return self.table.current

    def lines(self) -> list[HostLine]:
        """The marked ones, else the one under the cursor."""
        by_name = {row.name: row for row in self.rows}
        return [by_name[name] for name in self.targets() if name in by_name]

    # -- going -----------------------------------------------------------------------------------------------------------
    def open_row(self, row: HostLine) -> None:
        """Enter: use it."""
        self._use(row.name)

    def action_use(self) -> None:
        """Use the one under the cursor."""
        if (line := self.current()) is not None:
            self._use(line.name)

    @background
    async def _use(self, name: str) -> None:
        """Look at it; all commands use it from now on, unless nothing may be changed here."""
        if not self.session.read_only and await self.told(asyncio.to_thread(_select, name)) is None:
            return
        pinned = f". CYCLONE_HOST={self.found.pinned} counts more for commands" if self.found.pinned not in ("", name) else ""
        self.cyclone.tell(f"host {name}" + (" (commands use the one of before: read-only)" if self.session.read_only else pinned))
        self.cyclone.switch_host(name)

    def action_describe(self) -> None:
        """Everything about it."""
        if (line := self.current()) is not None:
            self.cyclone.open(f"describe host {quote(line.name)}")

    def action_edit(self) -> None:
        """Its wizard."""
        if (line := self.current()) is not None:
            self.cyclone.open(f"edit host {quote(line.name)}")

    def action_add(self) -> None:
        """The wizard for a new one."""
        self.cyclone.open("new host")

    def action_yaml(self) -> None:
        """Copy what was set."""
        if (line := self.current()) is not None:
            given = {name: value for name, value in plain(line.host).items() if value not in (None, [], {})}
            self.copy_yaml(given, f"the host {line.name}")

    def _here(self, tell: bool = True) -> list[HostLine]:
        """Those of the chosen ones that are on this machine; that there is nothing to do for AWS hosts is told."""
        lines = self.lines()
        for line in lines if tell else ():
            if line.host.type == "aws":
                self.cyclone.tell(f"{line.name} is on AWS: no process of it runs here, and it has no jobs yet")
        return [line for line in lines if line.host.type == "local"]

    # -- start and stop --------------------------------------------------------------------------------------------------
    @background
    async def action_start(self) -> None:
        """Start them; harmless where they run."""
        for line in self._here():
            await self.told(asyncio.to_thread(hosts.start, line.host), done=f"host {line.name} runs")
        self.refresh_data()
        self.cyclone.look()

    @background
    async def action_stop(self) -> None:
        """Ask, then stop them."""
        lines = [line for line in self._here() if line.pid or line.health == "not answering"]
        if not lines and not self._here(False):
            return
        if not lines:
            self.cyclone.tell("it does not run")
            return
        names = [line.name for line in lines]
        running = sum(line.counts[RUNNING] for line in lines)
        tasks = f"{formatters.plural(running, 'running task')} {'goes' if running == 1 else 'go'} back to Waiting and will run again."
        detail = (tasks if running else "Nothing runs on it.") + " Nothing starts until it is started or gets a job."
        twin = "; ".join(f"hyper hosts stop {quote(name)}" for name in names)
        if await self.confirm(f"Stop {_named(names)}?", detail, twin):
            for line in lines:
                await self.told(asyncio.to_thread(hosts.stop, line.host), done=f"host {line.name} stopped")
            self.refresh_data()
            self.cyclone.look()

    # -- what removes ------------------------------------------------------------------------------------------------------
    @background
    async def action_purge(self) -> None:
        """Ask for an age and once more, then forget the jobs that ended before."""
        line = self.current()
        if line is None or (line.host.type == "aws" and not self._here()):
            return
        age = await self.ask(f"Forget jobs of {line.name} that ended how long ago?", "30d", "30d, 12h, 90m; 0 for all that are over")
        if not age:
            return
        try:
            before = time.time() - read_duration(age)
        except ValueError as exc:
            self.cyclone.tell_error(InvalidRequest([Problem("age", *map(str, exc.args))]))
            return
        detail = "Their results and output go with them. Jobs that are not finished stay."
        twin = f"hyper hosts purge --older-than {quote(age)} --name {quote(line.name)} --yes"
        if await self.confirm(f"Forget the jobs of {line.name} that ended before {formatters.moment(before)}?", detail, twin):
            await self.told(
                asyncio.to_thread(_forget, line.host, before), done=lambda count: f"{formatters.plural(count, 'job')} forgotten"
            )

    @background
    async def action_delete(self) -> None:
        """Show what stands against it and what is lost, ask for its name, then delete it."""
        line = self.current()
        if line is None:
            return
        if line.host.type == "aws":
            if await self.delete_aws(line.host):
                await self._delete(line, True)
                await self.told(aside.wait(aws_hosts.clear, line.host))
            return
        looked = await self.told(asyncio.to_thread(host_descriptions.before_delete, line.host))
        if looked is None:
            return
        problems, loss = looked
        force = bool(problems or loss.problem)
        if problems and not await self._goes_on(line, problems):
            return
        detail = host_columns.lost(loss)
        if line.name == DEFAULT_HOST:
            detail += "\nIt is the host that is always there: the next job command makes it anew, empty."
        twin = f"hyper hosts delete-host --name {quote(line.name)}{' --force' if force else ''} --yes"
        if await self.confirm(f"Delete the host {line.name} with everything in it?", detail, twin, typed=line.name):
            await self._delete(line, force)

    async def _goes_on(self, line: HostLine, problems: Sequence[Problem]) -> bool:
        """Whether it is to be deleted although something stands against it; only open jobs can be passed over."""
        can_force = not any("not finished" not in problem.message for problem in problems)
        choices = [("", "Leave it"), ("jobs", "See its jobs"), *([("force", "Delete it, and lose them")] if can_force else [])]
        arrow = "->" if self.session.settings.ascii else "→"
        detail = "\n\n".join(f"{problem.message}.\n{arrow} {problem.hint}" for problem in problems)
        answer = await self.app.push_screen_wait(Choose(f"The host {line.name} should not be deleted", choices, "", detail))
        if answer == "jobs":
            if line.name != self.session.host:
                self.cyclone.switch_host(line.name)
            self.cyclone.open("jobs")
        return answer == "force"

    async def _delete(self, line: HostLine, force: bool) -> None:
        removed = await self.told(asyncio.to_thread(hosts.delete, line.host, force), done=f"host {line.name} deleted")
        if removed is None:
            return
        if line.name == self.session.host:
            self.cyclone.switch_host(_selected_now())
        else:
            self.refresh_data()


def _named(names: Sequence[str]) -> str:
    return f"the host {names[0]}" if len(names) == 1 else f"{len(names)} hosts"


def _selected_now() -> str:
    """The host that commands use now; the one that is always there where that one is gone."""
    try:
        return hosts.get().name
    except CycloneError:
        return DEFAULT_HOST


def _select(name: str) -> Host:
    return HostRegistry().select(name)


def _forget(host: Host, before: float) -> int:
    return sum(hosts.forget(host, before))
