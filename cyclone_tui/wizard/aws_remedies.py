"""Values that mend what stands against an AWS resource: a free range of addresses, the nearest region, types that are offered. Pure.

A remedy that names the value is taken at its word; else what discovery found is looked through.
"""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from cyclone_core import naming
from cyclone_core.problems import Problem
from cyclone_core.resource_fields import FieldSpec
from cyclone_tui.wizard.draft import Draft
from cyclone_tui.wizard.sources import World
from cyclone_tui.wizard.values import is_empty, normal

Values = Mapping[str, object]
_RANGE = re.compile(r"\b\d+\.\d+\.\d+\.\d+/\d+\b")
_NUMBER = re.compile(r"\bGive (\d+)\b")
_NETWORKS = ("vpc", "cidr", "vpc_id")


def remedy(draft: Draft, world: World, spec: FieldSpec, problem: Problem) -> tuple[Values, str] | None:
    """(values by field, what a key that applies them says); None where there is none of this kind."""
    for values in _remedies(draft, world, spec, problem):
        if any(draft.value(name) != value for name, value in values.items()):
            value = next(iter(values.values()))
            return values, "leave it out" if value is None else f"use {','.join(value) if isinstance(value, list) else value}"
    return None


def _remedies(draft: Draft, world: World, spec: FieldSpec, problem: Problem) -> Iterator[Values]:
    found = [choice.value for choice in world.findings[spec.name].choices] if spec.name in world.findings else []
    value = str(draft.value(spec.name) or "")
    if draft.kind == "host" and spec.name == "name":
        yield from _host_name(world, value)
    elif spec.name in _NETWORKS:
        yield from _network(world, spec, problem)
    elif (draft.kind, spec.name) in (("host", "region"), ("region", "name")) and found:
        yield from ({spec.name: near} for near in get_close_matches(value.lower(), found, 1, 0.6))
    elif (draft.kind, spec.name) == ("host", "account") and found:
        yield {spec.name: found[0]}
    elif spec.name == "instance_list":
        yield {spec.name: _offered(draft, problem)}
    elif spec.name in ("image_uri", "cyclone_image_name"):
        yield {"image_uri": _first(world, "image_uri"), **({"cyclone_image_name": None} if draft.value("cyclone_image_name") else {})}
    elif spec.choices:
        yield from ({spec.name: word} for word in re.findall(r"\w+", problem.hint) if word in spec.choices)
    elif spec.shape == "integer" and (number := _NUMBER.search(problem.hint)):
        yield {spec.name: int(number[1])}
    elif problem.hint.startswith("Leave it out") and not is_empty(draft.value(spec.name)):
        yield {spec.name: None}


def _host_name(world: World, value: str) -> Iterator[Values]:
    cleaned = re.sub(r"-+", "-", re.sub(r"[^a-z0-9-]", "-", value.lower())).strip("-0123456789")[: naming.MOST_HOST].strip("-")
    if cleaned and cleaned not in world.hosts:
        yield {"name": cleaned}


def _network(world: World, spec: FieldSpec, problem: Problem) -> Iterator[Values]:
    """The range that the remedy names, else a free one; in place of a network that is not there the first that is."""
    named = _RANGE.search(problem.hint)
    if named and spec.name != "vpc_id":
        yield {spec.name: named[0]}
        return
    finding = world.findings.get(spec.name) or world.findings.get("vpc")
    choices = [choice.value for choice in finding.choices] if finding else []
    yield from ({spec.name: value} for value in choices[:1] if value.startswith("vpc-") or spec.name != "vpc_id")


def _offered(draft: Draft, problem: Problem) -> list[str]:
    """Those that were given without the ones that the problem names; `optimal` when nothing is left."""
    try:
        given = list(normal(draft.model, "instance_list", draft.value("instance_list")))
    except (ValueError, TypeError):
        return ["optimal"]
    named = set(re.findall(r"[\w.-]+", problem.message))
    return [name for name in given if name not in named] or ["optimal"]


def _first(world: World, field: str) -> str | None:
    finding = world.findings.get(field)
    return finding.choices[0].value if finding is not None and finding.choices else None
