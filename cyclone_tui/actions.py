"""What can be done on a screen, as a table: keys, help and configurable keys are made from it, and so is the list of CLI twins.

Every action that changes or shows something names the command line that does the same (`twin`); what only moves around or looks
(`looks=True`) needs none. A test walks all of them.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from textual.binding import Binding, BindingType


@dataclass(frozen=True)
class Action:
    """One action of a view."""

    id: str
    """`view.action`, unique; what the settings file calls it"""
    key: str
    """Textual's names of the keys, separated by commas"""
    action: str
    """method `action_…` that does it, with arguments as Textual takes them"""
    label: str
    """one or two words for the footer"""
    help: str = ""
    """one line for the help screen; the label where it says all"""
    twin: str = ""
    """the command line that does the same, `ID` standing for what is selected"""
    writes: bool = False
    """changes the host: not there with --read-only"""
    danger: bool = False
    """asks before it does anything"""
    looks: bool = False
    """moves, shows or hides something on the screen only"""
    show: bool = True
    """whether the footer has room for it"""
    display: str | None = None
    """how the key is written, where Textual's way is too long"""

    @property
    def method(self) -> str:
        """Name of the action without arguments."""
        return self.action.partition("(")[0].rpartition(".")[2]


def bound(actions: Iterable[Action]) -> list[BindingType]:
    """The bindings of a screen's actions."""
    return [
        Binding(one.key, one.action, one.label, show=one.show, key_display=one.display, tooltip=one.help or one.label, id=one.id)
        for one in actions
    ]


def of_class(screen: type) -> tuple[Action, ...]:
    """Every action that a screen class has, those of its bases last."""
    found: dict[str, Action] = {}
    for owner in screen.__mro__:
        for action in vars(owner).get("ACTIONS", ()):
            found.setdefault(action.id, action)
    return tuple(found.values())
