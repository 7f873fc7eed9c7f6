"""How values look: durations, progress, text of others made harmless."""

import pytest

from cyclone_core.jobs import CANCELLED, SUCCESSFUL
from cyclone_core.views import Job, iso
from cyclone_tui.cli import text


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, "-"),
        (0.0124, "0.012s"),
        (1, "1.0s"),
        (59.94, "59.9s"),
        (59.96, "1m00s"),
        (245, "4m05s"),
        (7380, "2h03m"),
        (273600, "3d04h"),
        (-1, "0.000s"),
    ],
)
def test_durations_keep_two_units(seconds: float | None, shown: str) -> None:
    """From milliseconds to days."""
    assert text.duration(seconds) == shown


def test_times_are_utc_with_milliseconds() -> None:
    """Rounded, never truncated to the second before."""
    assert [iso(0), iso(1.0006), iso(0.9996), iso(None)] == [
        "1970-01-01T00:00:00.000Z",
        "1970-01-01T00:00:01.001Z",
        "1970-01-01T00:00:01.000Z",
        None,
    ]


def test_control_characters_are_written_out() -> None:
    """A job's output cannot move the cursor or change the title of whoever asks about it; tabs and letters stay."""
    assert text.harmless("a\tb\x1b]0;x\x07\x9bé\r") == "a\tb\\x1b]0;x\\x07\\x9bé\\x0d"


def test_colour_adds_to_the_word() -> None:
    """The state is readable without it."""
    assert text.coloured("Failed", 3, True) == "\x1b[31mFailed\x1b[0m"
    assert text.coloured("Failed", 3, False) == "Failed"


def test_a_single_job_took_what_its_last_attempt_took() -> None:
    """Also where nothing is kept of its output, because it wrote none; one that never ran took no time."""
    job = Job()
    job.array, job.status, job.started, job.ended, job.took, job.final = False, SUCCESSFUL, 100.0, 109.0, 2.5, (0, 1, 1, 2, 0, 0, 0)
    assert text.run_time(job, 200.0) == 2.5
    job.status, job.started, job.took = CANCELLED, None, None
    assert text.run_time(job, 200.0) is None
