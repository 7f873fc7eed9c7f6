"""Handlers of messages: Textual calls those of every class of a view by itself."""

import ast
from pathlib import Path

import cyclone_tui

OTHERWISE = ("on_event",)
"""Methods that are named like handlers and are none."""


def test_no_handler_calls_the_one_it_inherits() -> None:
    """It would run twice: two clocks, two reads."""
    found = []
    for path in Path(str(cyclone_tui.__file__)).parent.rglob("*.py"):
        calls = (node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Attribute))
        found += [f"{path.name}: {ast.unparse(call)}" for call in calls if ast.unparse(call).startswith("super().on_")]
    assert [one for one in found if not one.endswith(OTHERWISE)] == []
