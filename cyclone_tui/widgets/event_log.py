"""The log of a deployment: its events as lines, all of them or those of one resource. Kept here so that another choice needs no reading."""

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from cyclone_tui.deployment_progress import HERE, is_in
from cyclone_tui.widgets.log_lines import NOTE, clean
from cyclone_tui.widgets.log_view import Batch, LogTail

if TYPE_CHECKING:
    from cyclone_core.operations.deployments import Event

Key = tuple[str, str, str, str]
"""(region, kind, name, part); texts are empty from the right on for what is larger"""
_CLOCK = 9
"""Characters of a line that are its time."""


class EventLog(LogTail):
    """See the module."""

    DEFAULT_CSS = """
    EventLog LogPane { scrollbar-size-horizontal: 0; }
    """

    def __init__(self, path: str, *, ascii: bool = False, id: str | None = None) -> None:
        """path: where saving goes when the user has no other idea."""
        super().__init__(path, prefix=_CLOCK, ascii=ascii, id=id)
        self.events: list[Event] = []
        self.only: Key | None = None
        self.place: str | None = None
        """the one region to show, None for all"""
        self.alone = False
        """whether all events are about one resource, so that its name says nothing"""
        self._word = ""

    def take(self, events: Iterable["Event"]) -> None:
        """Append what happened."""
        new = list(events)
        self.events += new
        self._append(new)

    def choose(self, only: Key | None) -> None:
        """Show the events of a region, a resource or a part of one; None: all."""
        self.only = only
        self.clear()
        self._append(self.events)
        self.tell_state(self._word)

    def tell_state(self, word: str) -> None:
        """Say on the last line whether more comes, and of what."""
        self._word = word
        only = " ".join(filter(None, self.only or ())) or HERE
        self.set_state(f"{word}, only {only} (Enter: all)" if self.only else word)

    def text(self) -> str:
        """All events as text."""
        return "".join(self._line(event, False).removeprefix(NOTE) + "\n" for event in self.events)

    def _append(self, events: list["Event"]) -> None:
        alone = self.alone or bool(self.only and self.only[2])
        lines = [
            self._line(event, alone)
            for event in events
            if is_in(event.region, self.place) and (self.only is None or belongs(event, self.only))
        ]
        if lines:
            self.add(Batch(lines))

    @staticmethod
    def _line(event: "Event", alone: bool) -> str:
        clock = time.strftime("%H:%M:%S ", time.localtime(event.at))
        name = "" if event.name == event.region else f"{event.name} "
        where = "" if alone else f"{f'{event.region} ' if event.region else ''}{event.kind} {name}"
        part = f"{event.part.replace('AWS::', '')} " if event.part else ""
        text = clean(event.text)
        if event.phase == "LOG":
            said = f"| {text}" if where and event.level == "info" else text
        else:
            said = f"{event.phase}{f': {text}' if text else ''}"
        return f"{'' if event.level == 'info' else NOTE}{clock}{where}{part}{said}"


def belongs(event: "Event", only: Key) -> bool:
    """Whether an event is about a region, a resource or a part of one."""
    found = (event.kind, event.name, event.part)
    return event.region == only[0] and all(wanted in ("", one) for wanted, one in zip(only[1:], found, strict=True))
