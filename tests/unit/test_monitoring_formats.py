"""How a host at a glance looks, as pure functions."""

import pytest

from cyclone_core.operations.attention import Attention
from cyclone_core.operations.monitoring import Pool, QueueNow
from cyclone_tui import formatters
from cyclone_tui import monitoring_formats as formats
from cyclone_tui.formatters import shares
from cyclone_tui.widgets.counters import large

QUEUE = QueueNow("default", "default", 0, False, (50, 10, 30, 10, 0, 0))


def width(parts: tuple[tuple[str, str], ...]) -> int:
    """Cells of a bar."""
    return sum(len(text) for text, _ in parts)


@pytest.mark.parametrize("counts", [(0,) * 6, (1, 0, 0, 0, 0, 0), (0, 1, 10**6, 1, 0, 0), (5, 5, 5, 5, 5, 5)])
def test_bars_are_as_wide_as_their_room(counts: tuple[int, ...]) -> None:
    """Whatever is in them."""
    queue = QueueNow("q", "c", 0, False, counts)
    for room in (1, 2, 7, 40):
        assert width(formats.queue_bar(queue, room)) == room
        assert width(formats.pool_bar(Pool("local", "c", 1, counts[0], 8), room)) == room


def test_a_bar_shows_shares() -> None:
    """What is over, what failed, what runs, what waits."""
    assert formats.queue_bar(QUEUE, 10) == (("━━━", "ok"), ("━", "failed"), ("━", "running"), ("─────", "muted"))
    assert formats.queue_bar(QUEUE, 10, ascii=True)[0] == ("###", "ok")


def test_a_paused_queue_says_so_instead() -> None:
    """A bar that stands still would not."""
    assert formats.queue_bar(QueueNow("q", "c", 0, True, QUEUE.counts), 8) == (("paused  ", "cancelled"),)


def test_time_in_which_nothing_ended_is_left_out() -> None:
    """So a chart stands still while nothing happens."""
    assert formats.busy_times([0, 0]) == ()
    assert formats.busy_times([0, 5, 0, 0, 0, 7, 0, 0]) == (5, 0, 7, 0)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.1, "10 s"), (44, "40 s"), (60, "1 min"), (3000, "50 min"), (9000, "2.5 h"), (300_000, "3 days")]
)
def test_guessed_times_are_round(seconds: float, text: str) -> None:
    """They do not pretend to know."""
    assert formats.rough(seconds) == text


def test_attention_is_broken_where_there_is_room_for_lines() -> None:
    """The command is never broken: it is to be copied."""
    one = Attention("error", ("queue", "q"), "queue 'q' is paused", "500 tasks wait", "hyper queues update-queue --name q --no-paused")
    assert formats.attention_lines(one, 20) == [
        ("! queue 'q' is", False), ("  paused: 500 tasks", False), ("  wait", False),
        ("  → hyper queues update-queue --name q --no-paused", True),
    ]  # fmt: skip
    assert len(formats.attention_lines(one)) == 2


def test_each_subject_has_a_place() -> None:
    """What events and warnings are about can be opened."""
    places = [formats.place_of(one) for one in (("queue", "q"), ("job", "7"), ("worker", "3"), ("host", "x"), ("image", "a b"))]
    assert places == ["jobs queue=q", "job 7", "workers", "hosts", "describe image 'a b'"]


def test_large_figures_are_of_one_height_and_width() -> None:
    """Each line of a number is as long as the others, so tiles stay aligned."""
    for text in ("0123456789", "12.3k", "1,204", "1.05M", "99G"):
        assert len({len(line) for line in large(text)}) == 1
    assert large("1") == ("▄█  ", " █  ", "▀▀▀ ")


def test_shares_fill_the_line() -> None:
    """What is there is seen, however little it is."""
    assert shares((1_000_000, 1, 0, 0, 0, 0), 20) == (19, 1, 0, 0, 0, 0)
    assert shares((0,) * 6, 20) == (0,) * 6


def test_a_bar_of_tasks_is_not_red_because_a_few_failed() -> None:
    """Each state has its share and colour, also of a job that is over."""
    assert formatters.task_bar((0, 0, 1952, 48, 0, 0), 30) == (("━" * 29, "ok"), ("━", "failed"))
    assert formatters.task_bar((5, 0, 5, 0, 0, 0), 10, ascii=True) == (("#####", "ok"), (".....", "muted"))


def test_slow_work_has_a_rate_and_fast_work_a_duration() -> None:
    """A task per hour is not 0.0/s, and one of eight milliseconds did not take 0.01 s."""
    assert [formatters.rate(one) for one in (0, 1 / 3600, 1 / 30, 0.5, 1234)] == ["0/s", "1.0/h", "2.0/min", "0.5/s", "1,234/s"]
    assert [formatters.duration(one) for one in (0.008, 3.5, 12)] == ["8ms", "3.50s", "12s"]
