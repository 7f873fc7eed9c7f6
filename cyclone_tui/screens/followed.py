"""What views with an output on them share: the thread that follows it, the keys of the lines, saving to a file."""

from typing import ClassVar

from textual.message import Message

from cyclone_core.operations import logs
from cyclone_core.operations.queries import HostView
from cyclone_tui import formatters
from cyclone_tui.actions import Action, bound
from cyclone_tui.following import Delivery, Follower
from cyclone_tui.screens.base import View, background
from cyclone_tui.widgets.log_view import LogTail


class FollowedView(View):
    """A view with one `LogTail` (`self.tail`). Following begins with `follow_output` and ends when the view is left."""

    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action("log.follow", "f", "follow", "Follow", "follow the end, or pause where it is", looks=True),
        Action("log.search", "slash", "search", "Search", "search in the lines", looks=True, display="/"),
        Action("log.next", "n", "match(1)", "Next", "the next line that has it", looks=True, show=False),
        Action("log.previous", "N", "match(-1)", "Previous", "the line before that has it", looks=True, show=False),
        Action("log.wrap", "w", "wrap", "Wrap", "break long lines, or do not", looks=True),
        Action("log.copy", "c", "copy_lines", "Copy lines", "copy the lines on the screen", "qlog -i ID", show=False),
        Action("log.save", "o", "save", "Save", "save the whole output to a file", twin="qlog -i ID"),
    )
    BINDINGS = bound(ACTIONS)

    class Arrived(Message):
        """Lines for the screen, from a follower."""

        def __init__(self, follower: Follower, delivery: Delivery) -> None:
            super().__init__()
            self.follower, self.delivery = follower, delivery

    tail: LogTail
    follower: Follower | None = None
    followed: tuple[str, int | None] = "", None
    """task and attempt"""

    # -- following ---------------------------------------------------------------------------------------------------
    def follow_output(self, task: str, attempt: int | None = None) -> None:
        """Follow this from now on, instead of what was followed before."""
        self.stop_following()
        self.tail.clear()
        self.followed = task, attempt
        self.tail.path = f"~/cyclone-log-{task}.txt"
        follower = Follower(
            self.session.host, task, lambda delivery: self._hand_over(follower, delivery), attempt, self.session.settings.ascii
        )
        self.follower = follower
        follower.start()

    def _hand_over(self, follower: Follower, delivery: Delivery) -> None:
        """On the follower's thread."""
        try:
            self.post_message(self.Arrived(follower, delivery))
        except RuntimeError:  # the application has ended
            follower.stop()

    def stop_following(self) -> None:
        """Let the thread end."""
        if self.follower is not None:
            self.follower.stop()
            self.follower = None

    def on_followed_view_arrived(self, event: Arrived) -> None:
        """Show them."""
        event.stop()
        if event.follower is self.follower:
            if event.delivery.restart:
                self.tail.clear()
            self.tail.add(event.delivery.batch)
            if event.delivery.over:
                self.refresh_data()
        event.follower.taken()

    def on_unmount(self) -> None:
        """The view is left."""
        self.stop_following()

    def on_screen_suspend(self) -> None:
        """Another view is in front: look less often."""
        if self.follower is not None:
            self.follower.visible = False

    def on_screen_resume(self) -> None:
        """It is on top again."""
        if self.follower is not None:
            self.follower.visible = True

    # -- keys --------------------------------------------------------------------------------------------------------
    def action_follow(self) -> None:
        """Follow or pause."""
        self.tail.action_follow()

    def action_search(self) -> None:
        """Ask what to search for."""
        self.tail.action_ask_search()

    def action_match(self, direction: int) -> None:
        """The next or previous line that has it."""
        self.tail.action_match(direction)

    def action_wrap(self) -> None:
        """Break long lines or not."""
        self.tail.action_wrap()

    def action_copy_lines(self) -> None:
        """Put the lines on the screen where they can be pasted from."""
        text = self.tail.pane.visible_text()
        if text:
            self.cyclone.copy(text, formatters.plural(text.count("\n"), "line"))

    def action_save(self) -> None:
        """Ask for a file."""
        self.tail.action_ask_path()

    @background
    async def on_log_tail_save_asked(self, event: LogTail.SaveAsked) -> None:
        """Save the whole output, however large, on a thread."""
        task, attempt = self.followed
        await self.attempt(_save, task, attempt, event.path, done=lambda done: f"{formatters.size(done[1])} saved to {done[0]}")


def _save(host: HostView, text: str, attempt: int | None, path: str) -> tuple[str, int]:
    job, task = host.find([text])[0]
    return logs.save(host, job, task.position if task else None if job.array else 1, attempt, path)
