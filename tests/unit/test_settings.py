"""Values of a submission: ranges, exit codes, times, variables, and the checks of a finished request."""

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyclone_core.jobs import MAX_TASKS, JobRequest
from cyclone_core.options import parse
from cyclone_core.problems import Problems
from cyclone_core.scheduler import settings
from cyclone_core.scheduler.scripts import SETTINGS


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", ((1, 5, 1), (), 0)),
        ("3-9", ((3, 9, 1), (), 0)),
        ("1-10:3", ((1, 10, 3), (), 0)),
        ("1-10:3%2", ((1, 10, 3), (), 2)),
        ("7%2", ((1, 7, 1), (), 2)),
        ("0", ((1, 0, 1), (), 0)),
        ("1,5,9-12,20-40:5%10", (None, ((1, 1, 1), (5, 5, 1), (9, 12, 1), (20, 40, 5)), 10)),
        ("20-40:10, 5,1", (None, ((1, 1, 1), (5, 5, 1), (20, 40, 10)), 0)),
        ("5,6,7-9", ((5, 9, 1), (), 0)),
    ],
)
def test_ranges(text: str, value: object) -> None:
    """The forms of -t; an empty one is refused by check(). A list that comes to one range is one."""
    assert settings.read_array(text) == value


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("90s", 90),
        ("15m", 900),
        ("2h", 7200),
        ("1h30m", 5400),
        ("1.5h", 5400),
        ("2d", 172800),
        ("02:03", 123),
        ("1:00:00", 3600),
        ("1-12:00:00", 129600),
        ("1h30", 3630),
        ("0", 0),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    """Seconds, units and clock times."""
    assert settings.read_duration(text) == seconds


def test_exit_codes() -> None:
    """Numbers and ranges between commas."""
    assert settings.read_codes("75, 100-110") == ((75, 75), (100, 110))


@pytest.mark.parametrize(
    ("read", "text", "message"),
    [
        (settings.read_array, "a", "'a' is not an array range"),
        (settings.read_array, "1-", "'1-' is not an array range"),
        (settings.read_array, "-1-5", "'-1-5' is not an array range"),
        (settings.read_array, "1-5:", "'1-5:' is not an array range"),
        (settings.read_array, "1,", "'1,' is not an array range"),
        (settings.read_array, "5-1,7", "'5-1,7' is not an array range"),
        (settings.read_array, "0,5", "the array has an index below 1"),
        (settings.read_array, "1-9:2,1-9000000", "more than 1,000,000 indices in ranges that overlap"),
        (settings.read_array, "1-5%0", "'1-5%0' lets no task run"),
        (settings.read_codes, "x", "'x' is not an exit code"),
        (settings.read_codes, "0-5", "'0-5' is not a range of exit codes of failures: they go from 1 to 255"),
        (settings.read_codes, "9-5", "'9-5' is not a range of exit codes"),
        (settings.read_duration, "soon", "'soon' is not a time"),
        (settings.read_duration, "1:75", "'1:75' is not a time"),
        (settings.read_duration, "-5", "'-5' is not a time"),
        (settings.read_duration, "1e9", "'1e9' is not a time"),
        (settings.read_number, "1_0", "'1_0' is not a whole number"),
    ],
)
def test_texts_without_meaning(read: Callable[[str], object], text: str, message: str) -> None:
    """The text and what would be right."""
    with pytest.raises(ValueError, match=re.escape(message)):
        read(text)


@pytest.mark.parametrize("read", [settings.read_array, settings.read_codes, settings.read_duration, settings.read_number])
@given(text=st.text("0123456789-:%.,smhd+ é٣", max_size=12))
def test_readers_raise_only_value_errors_with_message_and_hint(read: Callable[[str], object], text: str) -> None:
    """Two texts, ready to be a problem."""
    try:
        read(text)
    except ValueError as exc:
        assert len(exc.args) == 2  # noqa: PT017


@given(st.integers(1, 10**9), st.integers(1, 10**9), st.integers(1, 99), st.integers(1, 99))
def test_ranges_come_back(low: int, more: int, step: int, limit: int) -> None:
    """What is written is read."""
    assert settings.read_array(f"{low}-{low + more}:{step}%{limit}") == ((low, low + more, step), (), limit)


@given(st.integers(1, 1000), st.integers(0, 1000), st.integers(1, 50))
def test_task_count_is_the_length_of_the_range(low: int, more: int, step: int) -> None:
    """Both ends belong to it."""
    assert settings.task_count((low, low + more, step)) == len(range(low, low + more + 1, step))


def environment(texts: list[str], every: bool = False) -> tuple[dict[str, str], list[str]]:
    """Variables and problems for a shell with HOME, PATH and A."""
    problems = Problems()
    shell = {"HOME": "/h", "PATH": "/bin", "A": "1", "_": "/usr/bin/qsub"}
    return settings.read_environment([("-v", text) for text in texts], every, shell, problems), [str(problem) for problem in problems]


def test_environment_has_the_base_and_what_was_asked_for() -> None:
    """-v takes values, names of this shell, and escaped commas."""
    assert environment(["A,B=x\\,y", "C="]) == ({"HOME": "/h", "PATH": "/bin", "A": "1", "B": "x,y", "C": ""}, [])
    assert environment([], every=True)[0] == {"HOME": "/h", "PATH": "/bin", "A": "1"}


def test_environment_problems() -> None:
    """A variable that is not set, and a name that is none."""
    assert environment(["NOPE,2x=1"])[1] == [
        "-v: NOPE is not set in this shell. Give its value: -v NOPE=VALUE",
        "-v: '2x' is not the name of a variable. Write NAME or NAME=VALUE, separated by commas; \\, is a comma in a value",
    ]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": "a\nb"}, "name: 'a\\nb' cannot be a job's name"),
        ({"name": ""}, "name: '' cannot be a job's name"),
        ({"name": "x" * 129}, "name: 'xxx"),
        ({"queue": "a b"}, "queue: 'a b' cannot be the name of a queue"),
        ({"definition": "a'b"}, 'definition: "a\'b" cannot be the name of a definition'),
        ({"retries": -1}, "retries: -1 retries are not possible"),
        ({"priority": 5000}, "priority: 5000 is not a priority: -1000 to 1000"),
        ({"timeout_s": float("nan")}, "timeout_s: nan seconds cannot be a timeout"),
        ({"environment": {"A": "x\0"}}, "environment: variables have a name"),
        ({"indices": (1, 0, 1)}, "indices: an array of 0 tasks cannot run"),
        ({"indices": (0, 5, 1)}, "indices: the array begins at 0: indices begin at 1"),
        ({"indices": (5, 3, 1)}, "indices: the array 5-3 has no task"),
        ({"indices": (1, 3, 0)}, "indices: the array's step is 0"),
        ({"indices": (1, MAX_TASKS + 1, 1)}, "indices: the array has 100,000,001 tasks: at most 100,000,000"),
        ({"parameters": "p", "tasks": 0}, "parameters: the array has no task"),
    ],
)
def test_check_refuses(fields: dict[str, object], message: str) -> None:
    """One problem for one mistake, under the field's name."""
    problems = Problems()
    settings.check(JobRequest(**{"name": "ok", **fields}), problems, {})  # type: ignore[arg-type]
    assert [str(problem)[: len(message)] for problem in problems] == [message]


def test_names_of_any_script_are_fine() -> None:
    """Blanks, quotes and letters of the world."""
    problems = Problems()
    settings.check(JobRequest(name="Prüfung 'ж' \"語\""), problems, {})
    assert not problems


@given(st.text())
def test_a_file_name_always_makes_a_job_name(text: str) -> None:
    """The default name never is a reason to refuse."""
    problems = Problems()
    settings.check(JobRequest(name=settings.job_name(text)), problems, {})
    assert not problems


def test_later_options_win() -> None:
    """Options over directives, variables of both."""
    values: dict[str, object] = {}
    places: dict[str, str] = {}
    problems = Problems()
    settings.read(parse(SETTINGS, ["-r", "1", "-v", "A=1", "-q", "q"]), lambda field: "job.sh:2", values, places, problems)
    settings.read(parse(SETTINGS, ["-r", "2", "-v", "B=2"]), lambda field: "--" + field, values, places, problems)
    assert values == {"retries": 2, "queue": "q", "export": [("job.sh:2", "A=1"), ("--export", "B=2")]}
    assert (places["retries"], places["queue"]) == ("--retries", "job.sh:2")
