"""What is typed behind `/`: what it means, how it is written back, what is said about mistakes."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyclone_core.errors import InvalidRequest
from cyclone_core.jobs import STATES
from cyclone_core.scheduler.filters import Filter, parse
from cyclone_core.scheduler.job_terms import NUMBERS, Compare, Contains, Matches, OneOf

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
TERMS = st.one_of(
    st.builds(Contains, TEXT, st.booleans()),
    st.builds(
        Matches, st.sampled_from(["", "name", "queue"]), st.sampled_from(["a/b", "^x [0-9]+$", r"\\\\/", '"', "a,b!"]), st.booleans()
    ),
    st.builds(OneOf, st.sampled_from(["name", "queue", "user"]), st.lists(TEXT, min_size=1, max_size=3).map(tuple), st.booleans()),
    st.builds(OneOf, st.just("status"), st.lists(st.sampled_from(STATES), min_size=1, max_size=3).map(tuple), st.booleans()),
    st.builds(
        Compare,
        st.sampled_from(NUMBERS[1:]),
        st.sampled_from([">=", "<=", ">", "<", "="]),
        st.integers(0, 10**9).map(float),
        st.just(False),
        st.booleans(),
    ),
)


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("Train", Contains("Train")),
        ('"two words"', Contains("two words")),
        ('"queue:x"', Contains("queue:x")),
        ("queue:gpu", OneOf("queue", ("gpu",))),
        ("q:gpu,long", OneOf("queue", ("gpu", "long"))),
        ("status:fail,err", OneOf("status", ("Failed", "Error"))),
        ('name:"a, b",c*', OneOf("name", ("a, b", "c*"))),
        ("id:1234--7", OneOf("id", ("1234",))),
        ("id:10-20", OneOf("id", ("10-20",))),
        ("!user:ada", OneOf("user", ("ada",), negated=True)),
        ("/^a b$/", Matches("", "^a b$")),
        (r"name:/a\/b/", Matches("name", "a/b")),
        ("tasks>=10k", Compare("tasks", ">=", 10_000)),
        ("took>1h30m", Compare("took", ">", 5400)),
        ("submitted<2h", Compare("submitted", "<", 7200)),
        ("failed:0", Compare("failed", "=", 0)),
    ],
)
def test_terms(text: str, term: object) -> None:
    """Each form of a term."""
    assert parse(text).terms == (term,)


def test_days_are_moments() -> None:
    """A day is compared as a moment, not as an age."""
    (term,) = parse("ended>2026-11-01").terms
    assert isinstance(term, Compare)
    assert term.absolute
    assert parse(parse("ended>2026-11-01").text) == parse("ended>2026-11-01")


@pytest.mark.parametrize(
    ("text", "place", "word"),
    [
        ("a colour:red", 3, "column"),
        ("stats:failed", 1, "status"),
        ("status:done", 1, "successful"),
        ("/(/", 1, "regular expression"),
        ("x name:/a", 3, "Close it: /a/"),
        ("tasks>many", 1, "not a number"),
        ("took>long", 1, "1h30m"),
        ("submitted<x", 1, "2026-11-01"),
        ('ab "c', 4, "Close them"),
        ("queue>1", 1, "queue:VALUE"),
        ("!", 1, "nothing after !"),
        ("queue:", 1, "no value"),
        ("queue:,", 1, "no value"),
        ("id:abc", 1, "Ids are numbers"),
    ],
)
def test_mistakes_tell_place_and_remedy(text: str, place: int, word: str) -> None:
    """Where it is, what is wrong, what to write."""
    with pytest.raises(InvalidRequest) as caught:
        parse(text)
    (problem,) = caught.value.problems
    assert problem.path == f"character {place}"
    assert word in str(problem)
    assert problem.hint


def test_every_mistake_is_told() -> None:
    """All at once."""
    with pytest.raises(InvalidRequest) as caught:
        parse("ok colour:red tasks>x")
    assert len(caught.value.problems) == 2


@given(st.lists(TERMS, max_size=4).map(tuple))
def test_round_trip(terms: tuple[object, ...]) -> None:
    """What is written back means the same."""
    wanted = Filter(terms)  # type: ignore[arg-type]
    assert parse(wanted.text) == wanted


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text breaks it, and what it read it can write."""
    with suppress(InvalidRequest):
        found = parse(text)
        assert parse(found.text) == found


def test_qstat_arguments() -> None:
    """What qstat can say is said with its options; the rest is not."""
    assert parse("queue:gpu status:failed user:ada").qstat() == ("-q", "gpu", "-f", "Failed", "-u", "ada")
    assert parse("").qstat() == ()
    for text in ("train", "!queue:gpu", "status:failed,error", "tasks>1", "name:a*", "name:a name:b"):
        assert parse(text).qstat() is None


def test_values_of_a_column() -> None:
    """What a tab shows and changes."""
    wanted = parse("train status:failed")
    assert wanted.values("status") == ("Failed",)
    assert wanted.with_values("status", ("Running",)).text == "train status:running"
    assert wanted.with_values("status", ()).text == "train"
