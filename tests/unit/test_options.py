"""The option loop that every job command and every directive goes through."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyclone_core.errors import UsageError
from cyclone_core.options import Option, did_you_mean, parse

TABLE = (
    Option("-q --queue", "queue", "QUEUE", "where"),
    Option("-r --retries", "retries", "N", "how often"),
    Option("-v --export", "export", "NAME", "variables", repeat=True),
    Option("--warm --no-warm", "warm", "", "warm shell"),
)


@pytest.mark.parametrize("words", [["-q", "a b"], ["-qa b"], ["--queue", "a b"], ["--queue=a b"]])
def test_spellings_of_a_value_mean_the_same(words: list[str]) -> None:
    """Separate, attached, long and long with equals sign."""
    assert parse(TABLE, words).text("queue") == "a b"


def test_last_one_wins_unless_repeated() -> None:
    """A second value replaces the first; a repeated option keeps both."""
    found = parse(TABLE, ["-q", "a", "-q", "b", "-v", "X", "-v", "Y=1"])
    assert (found.text("queue"), found.texts("export")) == ("b", ["X", "Y=1"])


def test_values_may_look_like_options_of_others() -> None:
    """`-r -1` is a value (refused later, with its reason), not an unknown option."""
    assert parse(TABLE, ["-r", "-1"]).text("retries") == "-1"


def test_operands() -> None:
    """`-` and everything after `--` are operands."""
    assert parse(TABLE, ["-", "a", "--", "-q", "b"]).operands == ["-", "a", "-q", "b"]


def test_flags_switch_on_and_off() -> None:
    """The `--no-` form takes a flag back."""
    assert parse(TABLE, ["--warm"]).flag("warm")
    assert not parse(TABLE, ["--warm", "--no-warm"]).flag("warm")
    assert not parse(TABLE, []).flag("warm")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--queu", "x"], "unknown option --queu: did you mean --queue?"),
        (["-queue", "x"], "unknown option -queue: did you mean --queue?"),
        (["-x"], "unknown option -x"),
        (["-q"], "option -q needs a value: -q QUEUE"),
        (["-q", "-r", "2"], "option -q needs a value: -q QUEUE"),
        (["--warm=yes"], "option --warm takes no value (got 'yes')"),
    ],
)
def test_refusals(words: list[str], message: str) -> None:
    """What is wrong and what was probably meant."""
    with pytest.raises(UsageError) as caught:
        parse(TABLE, words)
    assert str(caught.value).startswith(message)


def test_nearest_ignores_case_and_says_nothing_when_nothing_is_near() -> None:
    """A suggestion only where one makes sense."""
    assert did_you_mean("Defualt", ["default", "gpu"]) == ": did you mean default?"
    assert did_you_mean("zzz", ["default", "gpu"]) == ""


@given(st.lists(st.text(max_size=8)))
def test_any_words_parse_or_are_a_usage_error(words: list[str]) -> None:
    """Nothing else ever comes out of the loop."""
    try:
        parse(TABLE, words)
    except UsageError as exc:
        assert str(exc)  # noqa: PT017
