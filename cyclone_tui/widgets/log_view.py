"""The tail of an output with a status line and a prompt: what is shown, where one is, what to search for, where to save.

No I/O: where the user wants to save, a message says so.
"""

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Input, Static

from cyclone_tui.widgets.log_lines import NOTE
from cyclone_tui.widgets.log_pane import Batch, LogPane

__all__ = ["Batch", "LogPane", "LogTail"]


class LogTail(Vertical):
    """Lines with a status line and a prompt below them. Messages: `SaveAsked` with a path."""

    DEFAULT_CSS = """
    LogTail { height: 1fr; }
    LogTail > LogPane { height: 1fr; }
    LogTail > #log-status { height: 1; padding: 0 1; background: $panel; color: $muted; text-wrap: nowrap; text-overflow: ellipsis; }
    LogTail > #log-prompt { display: none; height: 1; background: $boost; }
    LogTail > #log-prompt > Static { width: auto; padding: 0 0 0 1; color: $accent; text-style: bold; }
    LogTail > #log-prompt > Input { width: 1fr; height: 1; border: none; padding: 0 1; background: $boost; }
    """

    class SaveAsked(Message):
        """The user wants the output in this file."""

        def __init__(self, path: str) -> None:
            super().__init__()
            self.path = path

    def __init__(self, path: str = "~/cyclone-log.txt", *, prefix: int = 0, ascii: bool = False, id: str | None = None) -> None:
        """path: where saving goes when the user has no other idea. prefix: characters of each line that tell whose it is."""
        super().__init__(id=id)
        self.path, self.ascii = path, ascii
        self.pane = LogPane(prefix)
        self.state, self.is_over = "", False
        self._asking = ""
        self._said = ""
        self._found: tuple[str, int] | None = None

    def compose(self) -> ComposeResult:
        """Lines, status, prompt."""
        yield self.pane
        yield Static("", id="log-status", markup=False)
        with Horizontal(id="log-prompt"):
            yield Static("")
            yield Input(compact=True, select_on_focus=False)

    def on_mount(self) -> None:
        """Tell that nothing is there yet."""
        self._tell()

    def add(self, batch: Batch) -> None:
        """Append lines (see `LogPane.add`)."""
        self.pane.add(batch)

    def note(self, text: str) -> None:
        """A line of Cyclone's own."""
        self.pane.add(Batch([NOTE + text]))

    def set_state(self, text: str, is_over: bool = False) -> None:
        """What the status line says of where lines come from: `running`, `ended: exit code 3`. is_over: no more will come."""
        self.state, self.is_over = text, is_over
        self._tell()

    def clear(self) -> None:
        """Forget all lines."""
        self.pane.clear()

    # -- keys

    def action_follow(self) -> None:
        """Pause, or go to the end and follow."""
        if self.pane.following:
            self.pane._set_following(False)
        else:
            self.pane.action_last()

    def action_wrap(self) -> None:
        """Break long lines or not."""
        self.pane.set_wrap(not self.pane.wrap)

    def action_match(self, direction: int) -> None:
        """To the next or previous line with the text that was searched for; asks for one where there was none."""
        if self.pane.pattern is None:
            self.action_ask_search()
        else:
            self.pane.next_match(direction)

    def action_ask_search(self) -> None:
        """Ask what to search for."""
        self._ask("search", "", "Search")

    def action_ask_path(self) -> None:
        """Ask where to save."""
        self._ask("save", self.path, "Save the whole output to")

    def _ask(self, what: str, value: str, label: str) -> None:
        prompt = self.query_one(Input)
        self._asking = what
        prompt.value = value
        prompt.cursor_position = len(value)
        self.query_one("#log-prompt > Static", Static).update(label)
        self.query_one("#log-prompt").display = True
        self.screen.set_focus(prompt)  # at once: `focus` would wait for a turn, and keys typed meanwhile would go to the lines

    def on_key(self, event: events.Key) -> None:
        """Escape and Enter close the prompt; letters that were on their way to the lines when it opened belong to it.

        The view's actions `search` and `save` are begun here, not when the key has bubbled up to the application: until then the keys
        behind it, pasted or typed fast, would have been taken for commands.
        """
        if not self._asking:
            active = self.screen.active_bindings.get(event.key)
            if active is None or active.binding.action not in ("search", "save"):
                return
            if active.binding.action == "search":
                self.action_ask_search()
            else:
                self.action_ask_path()
        elif event.key == "escape":
            self._close()
        elif event.key == "enter":
            self._answered(self.query_one(Input).value)
        elif event.is_printable and event.character:
            self.query_one(Input).insert_text_at_cursor(event.character)
        elif event.key == "ctrl+u":
            self.query_one(Input).action_delete_left_all()
        elif event.key == "backspace":
            self.query_one(Input).action_delete_left()
        else:
            return
        event.stop()
        event.prevent_default()

    def _answered(self, value: str) -> None:
        """Search, or pass on the path."""
        asked = self._asking
        self._close()
        if asked == "search":
            found = self.pane.search(value)
            self._found = (value, found) if value else None
            self._tell()
        elif value.strip():
            self.post_message(self.SaveAsked(value.strip()))

    def _close(self) -> None:
        self._asking = ""
        self.query_one("#log-prompt").display = False
        self.pane.focus()

    # -- status line

    def on_log_pane_moved(self, event: LogPane.Moved) -> None:
        """Say where we are."""
        event.stop()
        self._tell()

    def status(self) -> str:
        """The text of the status line."""
        pane, ascii = self.pane, self.ascii
        parts = []
        if pane.following:
            parts.append("end of the output" if self.is_over else f"{'>' if ascii else '▼'} following")
        else:
            more = f", {pane.unseen:,} new" if pane.unseen else ""
            parts.append(f"{'=' if ascii else '‖'} paused, line {pane.first_line:,}{more} (G: end)")
        total = pane.dropped + len(pane.lines)
        parts.append("1 line" if total == 1 else f"{total:,} lines" if total else "no output yet")
        if pane.dropped:
            parts.append(f"the last {len(pane.lines):,} kept")
        if self._found is not None:
            text, found = self._found
            parts.append(f"/{text}: {found:,} found" if found else f"/{text}: not found")
        if pane.wrap:
            parts.append("wrapped")
        elif pane.scroll_offset.x:
            parts.append(f"from column {pane.scroll_offset.x + 1}")
        return "   ".join([*parts, self.state] if self.state else parts)

    def _tell(self) -> None:
        text = self.status()
        if text != self._said and self.is_mounted:
            self._said = text
            self.query_one("#log-status", Static).update(text)
