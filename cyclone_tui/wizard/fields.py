"""What one field of a form looks like, as a value: the contract between the wizard's model and the widgets that show it."""

from dataclasses import dataclass
from typing import Literal

Editor = Literal["line", "segments", "lines"]
"""line: one line of text, with choices to pick from; segments: few words side by side; lines: several lines of text."""
Level = Literal["", "error", "warning"]


@dataclass(frozen=True)
class FieldView:
    """One field as it is now. Two equal ones look the same."""

    name: str
    label: str
    help: str
    editor: Editor
    text: str
    """the value as it is edited"""
    placeholder: str = ""
    """what an empty value means"""
    origin: str = ""
    """where the value comes from, in words"""
    choices: tuple[tuple[str, str], ...] = ()
    """(value, what helps to choose)"""
    message: str = ""
    """what is wrong with it: cause and remedy"""
    fix: str = ""
    """what the key that mends it would do, "" for none"""
    level: Level = ""
    doubt: str = ""
    """why it should be looked at again"""
    note: str = ""
    """why there is nothing to choose from"""
    completes: bool = False
    """whether it is a path that can be completed"""
    several: bool = False
    """whether it is a list of words, each of which may be one of the choices"""
    locked: bool = False
    """whether it cannot be changed: the name of what is edited"""
