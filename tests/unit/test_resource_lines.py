"""Everything about a resource as lines, and lines drawn: each exactly as wide as it must be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from cyclone_core.operations.descriptions import Description, FieldNow, Touch
from cyclone_core.operations.monitoring import Pool
from cyclone_core.operations.resources import Stored
from cyclone_tui import resource_lines
from cyclone_tui.formatters import STYLE_NAMES
from cyclone_tui.resource_lines import Line

ABOUT = Description(
    stored=Stored("queue", "gpu", "FAILED", {"reason": "no room left " * 20, "log": ["STEP 1"]}, 1.0, 2.0, 3),
    fields=(
        FieldNow("name", "gpu", "set", help="Name of the queue", flag="--name"),
        FieldNow("cluster", "big", "default", "default"),
        FieldNow("environment", {"A": "1", "B": "2"}, "set"),
        FieldNow("max_memory_mib", 2048, "found", "all of it"),
    ),
    refers_to=((("cluster", "big"), "ACTIVE"), (("cluster", "gone"), "")),
    used_by=((("definition", "d"), "ACTIVE"),),
    counts=(3, 2, 1, 0, 0, 0),
    pools=(Pool("local", "big", 2, 1.5, 8.0),),
    events=((1.0, "created"),),
    deployments=(Touch(7, "SUCCEEDED", "create queue gpu", 1.0, "ada@lab"),),
)
SOME = st.sampled_from([*resource_lines.one_column(ABOUT), *resource_lines.settings_lines(ABOUT, explained=True)])


@given(SOME, st.integers(24, 200), st.booleans())
def test_a_line_fills_its_width(line: Line, width: int, ascii: bool) -> None:
    """Not a cell more or less, in styles that there are."""
    parts = resource_lines.parts(line, width, ascii)
    assert sum(cell_len(text) for text, _ in parts) == width
    assert {style for _, style in parts} <= {*STYLE_NAMES}


def test_keys_are_unique() -> None:
    """The cursor stays with its line."""
    keys = [line.key for line in resource_lines.one_column(ABOUT)]
    assert len(keys) == len(set(keys))


def test_what_was_set_comes_first() -> None:
    """Then what was left at its default; a map has a line for each entry."""
    found = [(line.label, line.text) for line in resource_lines.settings_lines(ABOUT)]
    assert found[:5] == [("name", "gpu"), ("environment", "A=1"), (" ", "B=2"), ("max memory", "2.0 GiB"), ("Left at their default", "")]


@pytest.mark.parametrize(
    ("key", "target"),
    [
        ("cluster big", "describe cluster big"), ("cluster gone", "clusters"), ("definition d", "describe definition d"),
        ("jobs", "jobs queue=gpu"), ("tasks waiting", "jobs queue=gpu status=waiting"), ("deployment 7", "deployment 7"),
    ],
)  # fmt: skip
def test_where_enter_leads(key: str, target: str) -> None:
    """To what a line names."""
    assert {line.key: line.target for line in resource_lines.now_lines(ABOUT)}[key] == target


def test_plain_characters_where_the_terminal_has_no_others() -> None:
    """With `ascii` nothing else is drawn."""
    for line in resource_lines.one_column(ABOUT, ascii=True):
        assert "".join(text for text, _ in resource_lines.parts(line, 80, ascii=True)).replace("…", "").isascii()
