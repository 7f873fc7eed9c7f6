"""Which fields mean something only with some answers to another one: forms and plans leave the others out, checks refuse them. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

from cyclone_core.infra.plan import FieldChange

_ON_EC2_AND_BATCH, _ON_BATCH = ("launch_type", ("BATCH", "EC2")), ("launch_type", ("BATCH",))
ONLY_WITH: Mapping[tuple[str, str], tuple[str, tuple[str, ...]]] = {
    ("cluster", "compute_envs"): _ON_BATCH,
    **{
        ("cluster", name): _ON_EC2_AND_BATCH
        for name in (
            "instance_list", "type", "bid_percentage", "allocation_strategy", "compute_resources_tags", "main_region_image_name",
            "fallback_instance_list", "first_zones", "fallback",
        )
    },
    ("cluster", "certificate_authority"): ("join_with", ("ROLES_ANYWHERE",)),
}  # fmt: skip
"""(kind, field) -> (the other one, its answers)."""


def is_meant(kind: str, field: str, body: Mapping[str, Any]) -> bool:
    """Whether a field means something next to the others of a body; where the other one is not there, as on local hosts, it does."""
    other, answers = ONLY_WITH.get((kind, field), ("", ()))
    told = body.get(other) if other else None
    return told is None or str(told).strip().upper() in answers


def meant(kind: str, fields: Iterable[FieldChange]) -> tuple[FieldChange, ...]:
    """The fields of a resource that is created, without those that mean nothing with the others."""
    fields = tuple(fields)
    after = {field.field: field.after for field in fields}
    return tuple(field for field in fields if is_meant(kind, field.field, after))
