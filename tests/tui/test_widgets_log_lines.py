"""Outputs of jobs as lines: nothing in them may reach the terminal as a command, everything readable stays."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyclone_tui.widgets.log_lines import MAX_CHARS, NOTE, LineFeed, clean


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain, ä, 漢字 and 🙂", "plain, ä, 漢字 and 🙂"),
        ("\x1b[31mred\x1b[0m \x1b[1;38;5;12mblue\x1b[m", "red blue"),
        ("\x1b]0;title\x07text \x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "text link"),
        ("\x1bPq#0;2\x1b\\after", "after"),
        ("10%\r20%\r30%", "30%"),
        ("downloading\rdone", "doneloading"),
        ("downloading\r\x1b[Kdone", "done"),
        ("line of another system\r", "line of another system"),
        ("a\tb", "a       b"),
        ("bell\x07 null\x00 del\x7f", "bell\\x07 null\\x00 del\\x7f"),
        ("spinner |\b/\b-", "spinner -"),
        ("\x0b", "\\x0b"),
        ("abc\u202etxt.exe", "abc\\u202etxt.exe"),
        ("unfinished \x1b[", "unfinished "),
        ("\x1b]52;c;no end of it", "52;c;no end of it"),
    ],
)
def test_a_line_is_made_harmless(raw: str, shown: str) -> None:
    """Colours and titles vanish, carriage returns overwrite, other control characters are written out."""
    assert clean(raw) == shown


def test_pieces_may_end_anywhere() -> None:
    """A letter or an escape sequence cut in two is whole again."""
    data = "eins\nzwei ü\n\x1b[31mdrei\x1b[0m\nvier".encode()
    for at in range(len(data)):
        feed = LineFeed()
        lines = feed.feed(data[:at]) + feed.feed(data[at:])
        assert (lines, feed.unfinished) == (["eins", "zwei ü", "drei"], "vier")


def test_unfinished_line_is_completed() -> None:
    """What has no end yet is shown and then replaced by the whole line."""
    feed = LineFeed("7 ")
    assert (feed.feed(b"50 %"), feed.unfinished) == ([], "7 50 %")
    assert (feed.feed(b"\r99 %"), feed.unfinished) == ([], "7 99 %")
    assert (feed.feed(b"\n"), feed.unfinished) == (["7 99 %"], "")
    feed.feed(b"end")
    assert (feed.finish(), feed.finish()) == (["7 end"], [])


def test_long_line_is_cut_and_counted() -> None:
    """A line without end is held in bounded memory, and the note tells how much of it is not shown."""
    feed = LineFeed()
    for _ in range(100):
        feed.feed(b"x" * 10_000)
    [line] = feed.feed(b"\n")
    assert line == f"{'x' * MAX_CHARS} … {1_000_000 - MAX_CHARS:,} characters more"
    assert feed.feed(b"next\n") == ["next"]


def test_long_progress_bar_keeps_its_present() -> None:
    """Thousands of updates in one line leave the last one."""
    feed = LineFeed()
    for number in range(20_000):
        feed.feed(b"\r%5d of 20000" % number)
    assert feed.unfinished == "19999 of 20000"


@given(st.lists(st.binary(max_size=60), max_size=8))
def test_any_bytes_become_printable_lines(pieces: list[bytes]) -> None:
    """No control character is left, as many lines as line ends, and nothing looks like a note of ours."""
    feed = LineFeed()
    lines = [line for piece in pieces for line in feed.feed(piece)]
    assert len(lines) == b"".join(pieces).count(b"\n")
    for line in [*lines, feed.unfinished]:
        assert not line.startswith(NOTE)
        assert not any(ord(char) < 32 or 127 <= ord(char) < 160 for char in line)
