"""The filter of small lists: terms over whatever columns the rows have."""

import pytest

from cyclone_core.errors import InvalidRequest
from cyclone_tui import row_filter

ROW = {"name": "gpu-night", "state": "ACTIVE paused", "cluster": "big", "priority": "7", "environment": ""}
COLUMNS = tuple(ROW)


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("", True), ("GPU", True), ("cpu", False), ("gpu big", True), ("gpu small", False), ("!gpu", False), ("!cpu", True),
        ("cluster:big", True), ("cluster:small,big", True), ("cluster:bi", False), ("name:gpu-*", True), ("state:paused", True),
        ("priority>3", True), ("priority>7", False), ("priority>=7", True),
        ("priority<=7", True), ("priority<7", False), ("priority=7", True), ("priority<1", False), ("name>3", False),
        ("/^gpu/", True), ("name:/night$/", True), ("!name:/^night/", True), ("clu:big", True), ('"big"', True),
    ],
)  # fmt: skip
def test_terms(text: str, fits: bool) -> None:
    """Words, columns, numbers, patterns and their opposites; all must hold."""
    assert row_filter.parse(text, COLUMNS)(ROW) is fits


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("colour:red", "there is no column 'colour'"), ("!", "nothing after !"), ("priority>", "no value after >"),
        ("priority>many", "'many' is not a number"), ("/gpu", "has no end"), ("/(/", "cannot be read"),
    ],
)  # fmt: skip
def test_mistakes_are_told(text: str, why: str) -> None:
    """Each with its place and what to do."""
    with pytest.raises(InvalidRequest) as told:
        row_filter.parse(f"gpu {text}", COLUMNS)
    (problem,) = told.value.problems
    assert problem.path == "character 5"
    assert why in problem.message
    assert problem.hint
