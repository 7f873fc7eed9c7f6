"""Lines broken at a width: nothing is lost, nothing is too long, and what goes on is set in."""

from hypothesis import given
from hypothesis import strategies as st

from cyclone_tui.wrapping import wrapped

WORDS = st.lists(st.text("abc:", min_size=1, max_size=12), min_size=1, max_size=30)


@given(pieces=st.lists(st.tuples(WORDS, st.sampled_from(("", "muted"))), min_size=1, max_size=4), indent=st.integers(0, 8),
       width=st.integers(24, 80))  # fmt: skip
def test_every_word_stays_in_its_style(pieces: list[tuple[list[str], str]], indent: int, width: int) -> None:
    """In order, and no line is longer than it may be."""
    line = ((" " * indent, ""), *((" ".join(words) + " ", style) for words, style in pieces))
    found = list(wrapped((line,), width))
    told = [(word, style) for one in found for text, style in one for word in text.split()]
    assert told == [(word, style) for words, style in pieces for word in words]
    assert all(len("".join(text for text, _ in one).rstrip()) <= width for one in found)


def test_what_goes_on_is_set_in() -> None:
    """Two columns right of where the line began; what fits stays as it is."""
    line = (("    the quick brown ", ""), ("fox jumps over", "muted"))
    assert ["".join(text for text, _ in one) for one in wrapped((line,), 24)] == ["    the quick brown fox", "      jumps over"]
    assert list(wrapped((line,), 40)) == [line]
    command = (("  $ ", "muted"), ("hyper clusters add-cluster --name big", "number"))
    assert list(wrapped((command,), 24)) == [command]
