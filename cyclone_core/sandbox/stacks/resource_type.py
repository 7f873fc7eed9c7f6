"""What a resource type does, as the stack engine calls it."""

from collections.abc import Mapping
from typing import Any, Protocol

Properties = Mapping[str, Any]
Made = tuple[str, dict[str, Any]]
"""What `Ref` gives, and the attributes that `Fn::GetAtt` gives."""


class ResourceType(Protocol):
    """One type. Methods raise ValueError with the reason that the stack's event shows."""

    @property
    def name(self) -> str:
        """`AWS::Batch::JobQueue`."""

    @property
    def name_property(self) -> str:
        """Property with the name that a template may choose, "" when there is none."""

    @property
    def replacing(self) -> tuple[str, ...]:
        """Properties whose change makes a new resource."""

    def create(self, logical_id: str, properties: Properties) -> Made:
        """Make one."""

    def update(self, physical_id: str, old: Properties, new: Properties, logical_id: str) -> Made:
        """Change one, or make a new one: then another physical id comes back, and the old one is deleted when the stack is done."""

    def delete(self, physical_id: str, properties: Properties) -> None:
        """Delete one; one that is gone is no error."""
