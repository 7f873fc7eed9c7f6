"""What can be done with resources, the same from their lists and from the view of one: edit, delete, pause, copy, go to their jobs.

Deleting is decided in the core: what stands against it is shown with ways to clear it before anything is asked, and what is asked shows
the plan and the command. It runs as a deployment, so it is recorded and can be taken back.
"""

from collections.abc import Mapping, Sequence
from shlex import quote
from typing import Any, ClassVar

from cyclone_core.infra.plan import Change
from cyclone_core.operations import removals
from cyclone_core.operations.queries import HostView
from cyclone_core.operations.resources import Proposal, Stored
from cyclone_core.paths import selected_host
from cyclone_core.problems import Problem
from cyclone_core.resource_bodies import settings
from cyclone_core.resource_fields import show
from cyclone_core.scheduler.references import PLURALS
from cyclone_tui import formatters
from cyclone_tui.actions import Action
from cyclone_tui.screens.base import View, background
from cyclone_tui.screens.modals import Choose
from cyclone_tui.wizard import stack_telling

TYPED = ("region", "cluster")
"""Deleting these asks to type the name: whole queues hang on them."""
WATCHED = ("region", "cluster", "image")
"""Deleting these may take long: the view of the deployment follows."""


def actions_of(kind: str) -> tuple[Action, ...]:
    """What can be done with the resources of a kind, as its list offers it."""
    many = PLURALS[kind]
    found = [
        Action(
            f"{many}.describe", "d", "describe", "Describe", "everything about it (also Enter)",
            twin=f"hyper {many} list-{many} --name NAME", show=False,
        ),
        *_pausing(kind, many),
        *_going(kind, many),
        Action(f"{many}.edit", "e", "edit", "Edit", f"change the {kind}", twin=_edited(kind), writes=True),
        Action(f"{many}.add", "a", "add", "Add", f"make a new {kind}", twin=f"hyper {many} add-{kind}", writes=True),
        Action(
            f"{many}.delete", "ctrl+d", "delete", "Delete", f"delete the {kind}, or all that are marked",
            twin=f"hyper {many} delete-{kind} --name NAME", writes=True, danger=True, display="^d",
        ),
        Action(f"{many}.yaml", "y", "yaml", "YAML", "copy as YAML", twin=f"hyper {many} list-{many} --name NAME --json", show=False),
    ]  # fmt: skip
    return tuple(found)


def _edited(kind: str) -> str:
    return "hyper images add-image --name NAME" if kind == "image" else f"hyper {PLURALS[kind]} update-{kind} --name NAME"


def _pausing(kind: str, many: str) -> list[Action]:
    if kind != "queue":
        return []
    text = "pause the queue, or go on: it accepts jobs but starts none"
    return [Action(f"{many}.pause", "p", "pause", "Pause", text, twin="hyper queues update-queue --name NAME --paused", writes=True)]


def _going(kind: str, many: str) -> list[Action]:
    jobs = Action(f"{many}.jobs", "J", "jobs", "Jobs", f"jobs of the {kind}", twin="qstat -q NAME" if kind == "queue" else "qstat")
    submit = Action(
        f"{many}.submit", "s", "submit", "Submit", "submit a script to it",
        twin=f"qsub {'-q' if kind == 'queue' else '-d'} NAME SCRIPT", writes=True, show=False,
    )  # fmt: skip
    workers = Action(f"{many}.workers", "w", "workers", "Workers", f"workers of the {kind}", twin="hyper workers list-workers")
    weights = Action(
        f"{many}.weights", "W", "weights", "Weights", "how it shares its work over regions, on a map",
        twin="hyper queues weights --name NAME", show=False,
    )  # fmt: skip
    return {"queue": [jobs, weights, submit], "definition": [jobs, submit], "cluster": [workers], "region": [workers]}.get(kind, [])


class ResourceFlows(View):
    """Mixed into the list of a kind and the view of one resource; they say which ones are meant."""

    NO_TARGET: ClassVar[str] = "there is nothing under the cursor"

    @property
    def kind(self) -> str:
        """Of what it is."""
        raise NotImplementedError

    def chosen(self) -> list[Stored]:
        """The resources that an action is about."""
        raise NotImplementedError

    def deleted(self) -> None:
        """They are gone, or going."""

    @property
    def at_host(self) -> str:
        """` --host NAME` where commands need it."""
        return "" if self.session.host == selected_host() else f" --host {quote(self.session.host)}"

    def one(self) -> Stored | None:
        """The first of them; tells when there is none."""
        found = self.chosen()
        if not found:
            self.cyclone.tell(self.NO_TARGET)
        return found[0] if found else None

    # -- going ---------------------------------------------------------------------------------------------------------
    def action_describe(self) -> None:
        """Everything about it."""
        if (one := self.one()) is not None:
            self.cyclone.open(f"describe {self.kind} {quote(one.name)}")

    def action_edit(self) -> None:
        """Its wizard."""
        if (one := self.one()) is not None:
            self.cyclone.open(f"edit {self.kind} {quote(one.name)}")

    def action_add(self) -> None:
        """The wizard of its kind."""
        self.cyclone.open(f"new {self.kind}")

    def action_weights(self) -> None:
        """How a queue shares its work over regions."""
        if (one := self.one()) is not None:
            self.cyclone.open(f"weights {quote(one.name)}")

    def action_jobs(self) -> None:
        """Its jobs."""
        if (one := self.one()) is not None:
            self.cyclone.open(f"jobs {quote(f'{self.kind}={one.name}')}")

    def action_submit(self) -> None:
        """The form, with this chosen."""
        if (one := self.one()) is not None:
            self.cyclone.open(f"submit {quote(f'{self.kind}={one.name}')}")

    def action_workers(self) -> None:
        """Its workers."""
        if (one := self.one()) is not None:
            self.cyclone.open(f"workers {quote(f'{self.kind}={one.name}')}")

    def action_yaml(self) -> None:
        """Copy what was set, in the form that the wizard reads."""
        found = self.chosen()
        documents = [as_document(one) for one in found]
        if documents:
            what = f"the {self.kind} {found[0].name}" if len(found) == 1 else formatters.plural(len(found), self.kind)
            self.copy_yaml(documents[0] if len(found) == 1 else {PLURALS[self.kind]: documents}, what)

    # -- pausing ---------------------------------------------------------------------------------------------------------
    @background
    async def action_pause(self) -> None:
        """Pause them; where all are paused, go on."""
        found = self.chosen()
        if not found:
            return
        paused = not all(one.body.get("paused") for one in found)
        names = [one.name for one in found]
        flag = "--paused" if paused else "--no-paused"
        twin = "; ".join(f"hyper queues update-queue --name {name} {flag}{self.at_host}" for name in names)
        if not self._is_running() and not await self.confirm(
            f"{'Pause' if paused else 'Resume'} {_named('queue', names)}?", self._starts(), twin
        ):
            return
        if self.session.is_aws:
            await self._change_stacks({"paused": paused}, names, twin)
            return
        told = "paused: jobs are accepted, none is started" if paused else "no longer paused"
        await self.attempt(_set_values, "queue", names, {"paused": paused}, twin, done=f"{_named('queue', names)} {told}")

    async def _change_stacks(self, values: Mapping[str, object], names: Sequence[str], command: str) -> None:
        """On AWS every change is a deployment."""
        proposal = await self.attempt(removals.propose_values, self.kind, names, values)
        number = await self.attempt(removals.start, proposal, command) if proposal is not None else None
        if number is not None:
            self.cyclone.open(f"deployment {number}")

    def _is_running(self) -> bool:
        """Whether the host's control plane answers, as far as is known; that of an AWS host is not started by anybody."""
        if self.session.is_aws:
            return True
        return self.session.pulse is None or self.session.pulse.health == "running"

    def _starts(self) -> str:
        return f"The host {self.session.host} is stopped: this starts it, and waiting jobs go on."

    # -- deleting --------------------------------------------------------------------------------------------------------
    @background
    async def action_delete(self) -> None:
        """Show what stands against it, or ask, then do it."""
        found = self.chosen()
        names = [one.name for one in found]
        if not names:
            self.cyclone.tell(self.NO_TARGET)
            return
        proposal = await self.attempt(removals.propose_removal, self.kind, names)
        if proposal is None:
            return
        if proposal.problems:
            await self.show_obstacles(names, proposal.problems)
        elif not proposal.plan:
            self.cyclone.tell(f"{_named(self.kind, names)} is gone already")
        elif await self._is_sure(found, proposal):
            await self._delete(names, proposal)

    async def show_obstacles(self, names: Sequence[str], problems: Sequence[Problem]) -> None:
        """What stands against deleting them, and where it can be cleared."""
        arrow = "->" if self.session.settings.ascii else "→"
        detail = "\n\n".join(f"{_about(problem, names)}{problem.message}.\n{arrow} {problem.hint}" for problem in problems)
        choices = [("", "Leave it")]
        for name in names:
            path = f"{PLURALS[self.kind]}[{name}]"
            about = [problem for problem in problems if problem.path == path]
            if any("not finished" in problem.message for problem in about):
                choices.append((f"jobs {quote(f'{self.kind}={name}')}", f"See the jobs of {name}"))
            if any("still use" in problem.message for problem in about):
                choices.append((f"describe {self.kind} {quote(name)}", f"See what needs {name}"))
        title = f"{_named(self.kind, names)} cannot be deleted"
        place = await self.app.push_screen_wait(Choose(title, choices, "", detail))
        if place:
            self.cyclone.open(place)

    async def _is_sure(self, found: Sequence[Stored], proposal: Proposal) -> bool:
        names = [one.name for one in found]
        typed = "" if self.kind not in TYPED else names[0] if len(names) == 1 else f"{len(names)} {PLURALS[self.kind]}"
        wanted = {one.name: one for one in found}
        lines = [_planned(change.action, wanted[change.name]) for change in proposal.plan.changes if _is_of(change, self.kind, wanted)]
        lines = list(dict.fromkeys(lines))
        if proposal.details is not None:
            lines += stack_telling.removal(proposal.details)
        if not self._is_running():
            lines.append(self._starts())
        detail = "\n".join([*lines, _CONSEQUENCES[self.kind]])
        return await self.confirm(f"Delete {_named(self.kind, names)}?", detail, self._delete_line(names), typed)

    def _delete_line(self, names: Sequence[str]) -> str:
        return removals.delete_lines(self.kind, map(quote, names), self.at_host)

    async def _delete(self, names: Sequence[str], proposal: Proposal) -> None:
        line = self._delete_line(names)
        if self.kind in WATCHED or self.session.is_aws:
            number = await self.attempt(removals.start, proposal, line)
            if number is not None:
                self.deleted()
                self.cyclone.open(f"deployment {number}")
            return
        done = f"{_named(self.kind, names)} deleted. It can be taken back: see :deployments"
        if await self.attempt(removals.apply_now, proposal, line, done=done) is not None:
            self.deleted()


_CONSEQUENCES = {
    "region": "Its clusters and workers end; jobs that run there go back to Waiting.",
    "cluster": "Its workers end.",
    "queue": "Jobs that are over stay in the lists with their output; nobody can submit to it any more.",
    "image": "The container engine's image is removed too.",
    "definition": "Jobs that are over stay in the lists with their output; nobody can use it any more.",
}


def as_document(stored: Stored) -> Mapping[str, Any]:
    """What somebody set, and can set again: no state, no defaults that say nothing."""
    return {name: value for name, value in settings(stored.kind, stored.body).items() if value not in (None, [], {}, ())}


def _about(problem: Problem, names: Sequence[str]) -> str:
    """Which one a problem is about, where it is not the only one."""
    name = problem.path.partition("[")[2].rstrip("]")
    return f"{name}: " if len(names) > 1 and name in names else ""


def _is_of(change: Change, kind: str, wanted: Mapping[str, Stored]) -> bool:
    """Whether a change is one of the resources themselves; on AWS a region has stacks of other kinds too."""
    return change.kind == kind and change.name in wanted


def _planned(action: str, stored: Stored) -> str:
    known = [f"{name} {show(value)}" for name, value in as_document(stored).items() if name in _TOLD]
    return f"{action} {stored.kind} {stored.name}" + (f" ({', '.join(known)})" if known else "")


_TOLD = ("cluster", "priority", "max_vcpus", "max_memory_mib", "vcpus", "memory_limit_mib", "directory", "reference")
"""Fields by which a resource is recognised in a plan."""


def _named(kind: str, names: Sequence[str]) -> str:
    return f"{kind} {names[0]}" if len(names) == 1 else f"{len(names)} {PLURALS[kind]}"


def _set_values(host: HostView, kind: str, names: Sequence[str], values: Mapping[str, object], command: str) -> int:
    return removals.apply_now(host, removals.propose_values(host, kind, names, values), command)
