"""`cyclone` in a real terminal, as people use it: keys go in, the screen is read back."""

import pytest

from tests.tui.terminal import TMUX, Terminal

pytestmark = pytest.mark.skipif(TMUX is None, reason="tmux is not installed")


def test_welcome_and_quit() -> None:
    """The first start offers to use this machine; `q` leaves with exit code 0."""
    with Terminal() as terminal:
        terminal.wait_for("Welcome to Cyclone", "Use this machine now", r"local . new")
        terminal.press("q")
        terminal.wait_for(r"\[left with 0\]")


def test_bare_console() -> None:
    """On the kernel's console every sign is one that its font has."""
    with Terminal("help", TERM="linux", LANG="C") as terminal:
        screen = terminal.wait_for("Keys everywhere")
        assert "●" not in screen
        assert "○" not in screen
