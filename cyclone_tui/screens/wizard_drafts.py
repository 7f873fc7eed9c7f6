"""How a wizard begins and is left: a fresh draft or one that was kept, discovery in the background, keeping, and the end."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from time import time

from textual.message import Message
from textual.widgets import Button

from cyclone_core.errors import CycloneError
from cyclone_core.operations.discovery import Finding
from cyclone_tui import aside, formatters, navigation
from cyclone_tui.screens.base import background
from cyclone_tui.screens.modals import Choose
from cyclone_tui.screens.wizard_frame import WizardFrame
from cyclone_tui.wizard import deploying, sources
from cyclone_tui.wizard.draft import REVIEW, Draft, begin
from cyclone_tui.wizard.review import Review
from cyclone_tui.wizard.sources import World
from cyclone_tui.wizard.store import Drafts, Kept, resume
from cyclone_tui.wizard.values import specs_of


class WizardDrafts(WizardFrame):
    """See the module."""

    IS_ABOUT = "a draft of a {kind}"

    class Found(Message):
        """Discovery found something out."""

        def __init__(self, finding: Finding) -> None:
            super().__init__()
            self.finding = finding

    drafts: Drafts
    is_done = False
    is_making = False
    _searched = 0
    """number of the last search"""

    async def go(self, step: str, field: str = "") -> None:
        """Show a step."""
        raise NotImplementedError

    def look_now(self) -> None:
        """Ask the machine, and make the plan."""
        raise NotImplementedError

    async def read_document(self, text: str) -> None:
        """Take over what a document says, or show what is wrong with it."""
        raise NotImplementedError

    def take(self, draft: Draft | None, force: bool = False) -> None:
        """Another draft: judge it and draw what differs."""
        raise NotImplementedError

    # -- beginning ---------------------------------------------------------------------------------------------------
    async def read_data(self) -> World:
        """What there is now; a wizard that comes back to the top sees what was made meanwhile."""
        return await aside.wait(sources.look, self.session.host, self.kind)

    def show(self, data: World) -> None:
        """Begin, or go on with what is there now."""
        if self.world is None:
            self.drafts = Drafts()
            self.world = data
            self.begin()
        else:
            self.world = replace(data, findings=self.world.findings)
            self.take(self.draft)
            if self.at_review:
                self.look_now()
        self.search()

    def _show_failure(self, exc: Exception) -> None:
        super()._show_failure(exc)
        if self.world is None and self.is_attached and self.kind == "host":  # a host can be made while another cannot be read
            self.show(sources.nowhere())

    @background(exclusive=True, group="begin")
    async def begin(self) -> None:
        """Offer what was kept, else a fresh draft."""
        assert self.world is not None
        fresh = await asyncio.to_thread(self.fresh, self.world)
        if fresh is None:
            self.tell_missing()
            return
        text = await self._file()
        kept = [one for one in await asyncio.to_thread(self._kept, self.world) if self.is_ours(one, fresh)] if not text else []
        chosen = await self._offer(kept, fresh) if kept else None
        draft = resume(fresh, chosen) if chosen else fresh
        for finding in self.world.findings.values():
            draft = draft.with_finding(finding)
        pages = [step.name for step in draft.steps]
        self.draft = replace(draft, step=draft.step if draft.step in (*pages, REVIEW) else pages[0])
        async with self.turn:
            await (self.read_document(text) if text else self.go(self.draft.step))

    async def _file(self) -> str:
        """The file that the command named with `from=`; "" for none, or for one that cannot be read, which is told."""
        path = self.arguments.get("from", "")
        try:
            return await asyncio.to_thread(sources.read_file, path) if path else ""
        except CycloneError as exc:
            self.cyclone.tell_error(exc)
            return ""

    def fresh(self, world: World) -> Draft | None:
        """An empty draft, with what the command named and what was used last time. Blocking."""
        draft = begin(self.kind, world.host)
        draft = draft.with_last_used(self.drafts.last_used(draft))
        return draft.with_values({name: value for name, value in self.given_at_first().items() if name in specs_of(draft.model)})

    def tell_missing(self) -> None:
        """There is nothing to begin with."""

    def is_ours(self, kept: Kept, fresh: Draft) -> bool:
        """Whether a kept draft is about the same."""
        return kept.mode == "create" and (not self.arguments.get("name") or kept.name == fresh.name)

    def _kept(self, world: World) -> list[Kept]:
        """Drafts of this kind and host, without those whose deployment runs or has succeeded."""
        kept = []
        for one in self.drafts.list(host=world.host.name):
            became = "failed" if one.deployment is None else deploying.became(world.host, one.deployment)
            if became == "done":
                self.drafts.forget(one.key)
            elif became == "failed" and one.kind == self.kind:
                kept.append(one)
        return kept

    async def _offer(self, kept: list[Kept], fresh: Draft) -> Kept | None:
        about = self.IS_ABOUT.format(kind=self.kind, name=fresh.name)
        choices = [*((one.key, _described(one)) for one in kept[:8]), ("", "begin anew"), ("-", "throw these away and begin anew")]
        chosen = await self.app.push_screen_wait(
            Choose(f"Go on with {about}?", choices, kept[0].key, "It was kept when the wizard was left.")
        )
        for one in kept if chosen == "-" else ():
            self.drafts.forget(one.key)
        return next((one for one in kept if one.key == chosen), None)

    # -- discovery ---------------------------------------------------------------------------------------------------
    def search(self) -> None:
        """Find out what can be offered, for what was answered so far; what an earlier search still finds is not waited for."""
        if self.world is not None:
            given = self.draft.given() if self.draft else self.given_at_first()
            self._searched += 1
            self.run_worker(aside.wait(self._search, self.world, given, self._searched), group="discover", exclusive=True)

    def given_at_first(self) -> dict[str, object]:
        """The answers that the command names."""
        taken = ("name", "type") if self.kind == "host" else ("name",)
        return {name: self.arguments[name] for name in taken if self.arguments.get(name)}

    def _search(self, world: World, given: Mapping[str, object], number: int) -> None:
        try:
            for finding in sources.findings(world, self.kind, given):
                if number != self._searched or not self.is_attached:
                    return
                self.post_message(self.Found(finding))
        except CycloneError as exc:  # nothing is offered: what is typed is judged all the same
            self.log.warning(str(exc))

    def on_wizard_drafts_found(self, event: Found) -> None:
        """A choice, a limit or a warning for a field."""
        if self.world is not None:
            self.world = self.world.with_finding(event.finding)
            self.take(self.draft.with_finding(event.finding) if self.draft else None)

    # -- keeping -----------------------------------------------------------------------------------------------------
    def on_unmount(self) -> None:
        """Whatever way it was left: the draft is there again."""
        self.keep_now()

    def keep_soon(self) -> None:
        """Keep the draft, on a thread."""
        if self.draft is not None and self.draft.is_touched and not self.is_done:
            self.run_worker(self._keep(self.draft), group="keep", exit_on_error=False)

    async def _keep(self, draft: Draft) -> None:
        try:
            kept = await asyncio.to_thread(self.drafts.keep, draft)
        except CycloneError as exc:
            self.cyclone.tell_error(exc)
            return
        if self.is_done and kept.key != draft.key:
            self.drafts.forget(kept.key)
        elif self.draft is not None and not self.draft.key:
            self.draft = replace(self.draft, key=kept.key)

    def keep_now(self) -> bool:
        """Keep it before the screen is gone; whether there was anything to keep."""
        if self.draft is None or not self.draft.is_touched or self.is_done:
            return False
        try:
            self.draft = self.drafts.keep(self.draft)
        except CycloneError:
            return False
        return True

    # -- the end -----------------------------------------------------------------------------------------------------
    @background(group="deploy")
    async def make(self, reviewed: Review) -> None:
        """Start the deployment, or make the host: once, however often that is asked for. The draft is kept until it has succeeded."""
        button = self.query_one("#next", Button)
        if self.is_making:
            return
        self.is_making, button.disabled = True, True
        try:
            made = await asyncio.to_thread(deploying.make, reviewed)
        except (CycloneError, OSError) as exc:
            self.is_making, button.disabled = False, False
            button.focus()
            self.cyclone.tell_error(exc)
            return
        self.is_done = True
        await asyncio.to_thread(self._remember, None if made.host else made.deployment)
        self._leave(made)

    def _remember(self, deployment: int | None) -> None:
        if self.draft is None:
            return
        self.drafts.remember(self.draft)
        if deployment is None:
            self.drafts.forget(self.draft.key)
        else:
            self.drafts.keep(self.draft, deployment)

    def _leave(self, made: deploying.Made) -> None:
        """To the deployment, to the new host, or back."""
        if made.deployment is not None and made.host:
            self._follow(made.host, made.deployment)
        elif made.deployment is not None and not self.is_current:
            self.cyclone.tell(f"deployment {made.deployment} has begun: :deployment {made.deployment} shows it")
        elif made.deployment is not None:
            self.app.switch_screen(navigation.make(navigation.find("deployment"), {"number": str(made.deployment)}))
        elif made.host:
            self.cyclone.switch_host(made.host)
            self.cyclone.tell(f"host {made.host} is created, started and selected")
        else:
            self.cyclone.tell(f"{self.kind} {self.draft.name if self.draft else ''} is changed")
            self.cyclone.back()

    def _follow(self, host: str, number: int) -> None:
        """To the deployment of a host that may be another one."""
        if self.session.host != host:
            self.cyclone.switch_host(host)
            self.cyclone.tell(f"host {host} is selected, and its deployment has begun")
        self.cyclone.start_over("home", f"deployment {number}")


def _described(kept: Kept) -> str:
    place = f", at {kept.step}" if kept.step else ""
    deployed = f"; its deployment {kept.deployment} did not succeed" if kept.deployment is not None else ""
    return f"{kept.name or 'without a name'}, from {formatters.moment(kept.at, time())}{place}{deployed}"
