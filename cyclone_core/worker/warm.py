"""Warm shells: follows in the next step; until then warm jobs run like all others."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Shell:
    """A bash that forks a subshell for each task."""

    sent: "list[Any]"

    def __getattr__(self, name: str) -> "Any":
        raise NotImplementedError(name)
