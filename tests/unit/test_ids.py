"""Ids are read in every spelling of the field and refused in every other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyclone_core.errors import UsageError
from cyclone_core.ids import MAX_ID, format_task, parse

numbers = st.integers(1, MAX_ID)


@given(numbers, st.none() | numbers)
def test_written_ids_are_read(job: int, index: int | None) -> None:
    """`1234` and `1234--7` come back."""
    assert parse(format_task(job, index)) == (job, index)


@given(numbers, numbers)
def test_spellings_of_other_schedulers_are_read(job: int, index: int) -> None:
    """`1234[7]`, `1234.7`, `1234[]`, with blanks around."""
    assert parse(f"{job}[{index}]") == parse(f" {job}.{index}\n") == (job, index)
    assert parse(f"{job}[]") == (job, None)


@pytest.mark.parametrize(
    "text",
    ["", " ", "0", "-1", "+1", "1.0", "1--0", "1--", "--1", "1---1", "1[", "1[2", "1]", "1[2]3", "[]", "1.", ".1", "1.2.3", "1[2].3", "1_0",
     "\u0661", "²", "1e3", "0x1", "abc", "1 2", "1,2", str(MAX_ID + 1), "9" * 5000, "1--2[3]", "1[-1]", "\x00"],
)  # fmt: skip
def test_everything_else_is_refused_with_an_example(text: str) -> None:
    """The message shows what was read and how an id looks."""
    with pytest.raises(UsageError, match="1234--7"):
        parse(text)


@given(st.text())
def test_no_text_breaks_the_reader(text: str) -> None:
    """An id or a UsageError, never anything else."""
    try:
        job, index = parse(text)
    except UsageError:
        return
    assert 0 < job <= MAX_ID
    assert index is None or 0 < index <= MAX_ID
