"""Choosing a file from the tree of directories."""

import os
from collections.abc import Iterable
from pathlib import Path

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import DirectoryTree, Static

from cyclone_tui.screens.modals import Modal


class Files(DirectoryTree):
    """Directories and files without the hidden ones."""

    ICON_NODE, ICON_NODE_EXPANDED, ICON_FILE = "+ ", "- ", "  "
    BINDINGS = [Binding("j", "cursor_down", show=False), Binding("k", "cursor_up", show=False)]  # noqa: RUF012

    def filter_paths(self, paths: Iterable[Path]) -> Iterable[Path]:
        """What is shown."""
        return [path for path in paths if not path.name.startswith(".")]


class PickFile(Modal[str | None]):
    """One file; Esc leaves (None)."""

    DEFAULT_CSS = """
    PickFile { align: center middle; }
    PickFile > Vertical { width: 76; max-width: 96%; height: 85%; padding: 0 1; background: $surface; border: round $primary; }
    PickFile Files { height: 1fr; background: $surface; }
    PickFile Static { height: auto; color: $muted; }
    """
    BINDINGS = [  # noqa: RUF012 - as Textual declares it
        Binding("escape", "leave", "Leave"),
        Binding("backspace,left", "up", "Parent directory"),
    ]

    def __init__(self, what: str, folder: str) -> None:
        super().__init__()
        self.what, self.folder = what, os.path.abspath(folder or ".")

    def compose(self) -> ComposeResult:
        """The tree, and what the keys do."""
        with Vertical() as box:
            box.border_title = Content(self.what)
            yield Files(self.folder)
            yield Static("Enter takes a file or opens a directory, Backspace goes up, Esc leaves")

    def on_directory_tree_file_selected(self, event: DirectoryTree.FileSelected) -> None:
        """Taken."""
        self.dismiss(str(event.path))

    def action_up(self) -> None:
        """The directory above."""
        self.folder = os.path.dirname(self.folder)
        self.query_one(Files).path = self.folder

    def action_leave(self) -> None:
        """None of them."""
        self.dismiss(None)
