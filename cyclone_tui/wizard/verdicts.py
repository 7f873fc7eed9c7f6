"""What is wrong with a draft: every problem at once, on the field it belongs to, with the value that would mend it where there is one.

Pure but for hosts, whose files are asked. The rules are the operations' own (`resources.judge`, `hosts.propose`); what a wizard adds are
remedies that one key can apply, and warnings about what is possible but probably not meant (a cluster larger than its machine).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from cyclone_core.errors import CycloneError
from cyclone_core.operations import hosts, resources
from cyclone_core.problems import Problem
from cyclone_core.resource_fields import FieldSpec, show
from cyclone_tui.wizard import aws_remedies
from cyclone_tui.wizard.draft import Draft
from cyclone_tui.wizard.sources import World
from cyclone_tui.wizard.values import is_empty, normal, specs_of

_CONTAINER = ("cyclone_image_name", "image_uri")
_MIB = {"k": 1 / 1024, "m": 1, "g": 1024, "t": 1024 * 1024}


@dataclass(frozen=True)
class Fix:
    """Values that mend a problem, and what a key that applies them says."""

    values: Mapping[str, object]
    text: str


@dataclass(frozen=True)
class Complaint:
    """A problem as a form shows it."""

    problem: Problem
    field: str
    """the field that it belongs to, "" for the whole"""
    fix: Fix | None = None
    level: Literal["error", "warning"] = "error"


def complaints(draft: Draft, world: World) -> tuple[Complaint, ...]:
    """Everything that stands against a draft, in the order of its fields; those of the whole come first."""
    given = draft.given()
    looked = world.looked[1] if world.looked[0] == given else ()
    problems = tuple(dict.fromkeys((*judged(draft, world), *looked)))
    found = [_complaint(draft, world, problem) for problem in problems]
    wrong = {complaint.field for complaint in found}
    found += [warning for warning in _warnings(draft, world) if warning.field not in wrong]
    order = list(specs_of(draft.model))
    return tuple(sorted(found, key=lambda complaint: order.index(complaint.field) if complaint.field in order else -1))


def judged(draft: Draft, world: World) -> tuple[Problem, ...]:
    """What the rules say, before the machine is looked at."""
    if draft.kind == "host":
        try:
            return hosts.propose(draft.given(), update=draft.mode == "update").problems
        except CycloneError as exc:
            return (Problem("name", str(exc)),)
    return resources.judge(draft.host, draft.kind, draft.given(), draft.mode, world.snapshot, world.machine).problems


# ------------------------------------------------------------------------------------------------- problems and remedies


def _complaint(draft: Draft, world: World, problem: Problem) -> Complaint:
    field = problem.path.partition(".")[0].partition("[")[0]
    if field not in specs_of(draft.model):
        field = _field_of_whole(draft, problem)
    hint = "Type one" if problem.message == "is needed" else problem.hint
    fix = _fix(draft, world, specs_of(draft.model)[field], problem) if field else None
    return Complaint(Problem(problem.path, problem.message, hint), field, fix)


def _field_of_whole(draft: Draft, problem: Problem) -> str:
    """The field that a problem of the whole resource is best mended at."""
    if draft.kind == "image" and problem.path != "image" and draft.value("reference"):
        return "reference"
    if draft.kind == "definition" and problem.path == "image":
        return next((name for name in _CONTAINER if draft.value(name)), "")
    if draft.kind == "definition" and "mount points" in problem.message:
        return "mount_points"
    return ""


def _fix(draft: Draft, world: World, spec: FieldSpec, problem: Problem) -> Fix | None:
    value = draft.value(spec.name)
    if not spec.applies_to(draft.host_type):
        return Fix({spec.name: None}, "leave it out")
    if draft.host_type == "aws" and (found := aws_remedies.remedy(draft, world, spec, problem)):
        return Fix(*found)
    if spec.name == "name":
        return _name_fix(draft, world, str(value or ""))
    if problem.path == "image":  # no container engine
        return Fix(dict.fromkeys(_CONTAINER), "run without an image") if draft.kind == "definition" else None
    if draft.kind == "image" and spec.name == "reference" and draft.value("directory"):
        return Fix({"directory": None}, "take the local image, build nothing")
    if spec.option.refers_to:
        return _reference_fix(world, spec, str(value or ""))
    if spec.choices:
        return _choice_fix(draft, spec, str(value or ""))
    if spec.shape in ("integer", "number"):
        return _number_fix(draft, world, spec, value)
    return _other_fix(draft, world, spec)


def _name_fix(draft: Draft, world: World, name: str) -> Fix | None:
    taken = set(world.names(draft.kind))
    if draft.mode == "update":
        near = get_close_matches(name, taken, 1, 0.6)
        return Fix({"name": near[0]}, f"edit {near[0]}") if near else None
    cleaned = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "._-") else "-" for letter in name).strip("-.")[:120]
    finding = world.findings.get("name")
    cleaned = cleaned or (str(finding.recommended) if finding else draft.kind)
    if draft.kind == "region" and draft.host_type == "local":
        cleaned = str(finding.recommended) if finding and finding.recommended not in taken else ""
    stem, free = cleaned, cleaned
    number = 2
    while free in taken:
        free, number = f"{stem}-{number}", number + 1
    return Fix({"name": free}, f"use {free}") if free and free != name else None


def _reference_fix(world: World, spec: FieldSpec, value: str) -> Fix | None:
    known = world.names(str(spec.option.refers_to))
    near = get_close_matches(value.lower(), [name.lower() for name in known], 1, 0.6)
    if near:
        best = next(name for name in known if name.lower() == near[0])
    elif spec.default is None:
        return Fix({spec.name: None}, "leave it out")
    else:
        best = next((name for name in ("default", *known) if name in known), "")
    return Fix({spec.name: best}, f"use {best}") if best and best != value else None


def _choice_fix(draft: Draft, spec: FieldSpec, value: str) -> Fix:
    if value in spec.choices and draft.mode == "update":  # possible, but not for this one
        return Fix({spec.name: draft.stored.get(spec.name)}, f"leave it {show(draft.stored.get(spec.name))}")
    near = get_close_matches(value.lower(), [choice.lower() for choice in spec.choices], 1, 0.5)
    best = next((choice for choice in spec.choices if near and choice.lower() == near[0]), spec.default)
    return Fix({spec.name: best}, f"use {show(best)}" if best is not None else "leave it out")


def _number_fix(draft: Draft, world: World, spec: FieldSpec, value: object) -> Fix | None:
    finding = world.findings.get(spec.name)
    limit = finding.limit if finding else None
    number = _number(spec, value)
    if number is None:
        before = draft.stored.get(spec.name, spec.default)
        words = "use the default" if before == spec.default else "leave it as it is"
        return Fix({spec.name: before}, f"{words}{', ' + show(before) if before is not None else ''}")
    low = spec.minimum if spec.minimum is not None else number
    high = min(bound for bound in (spec.maximum, limit, max(number, low)) if bound is not None)
    best = max(low, min(number, max(high, low)))
    best = int(best) if spec.shape == "integer" or float(best).is_integer() else best
    return Fix({spec.name: best}, f"use {best:,}") if str(best) != str(value).strip() else None


def _number(spec: FieldSpec, value: object) -> float | None:
    """The number that was probably meant: "8 GiB" in a field of MiB, "1,000"; None when there is none."""
    if isinstance(value, int | float):
        return None if value != value or value in (float("inf"), float("-inf")) else float(value)
    text = str(value).lower().replace(",", "").replace("_", "").strip()
    figures = text.rstrip("abcdefghijklmnopqrstuvwxyz ")
    unit = text[len(figures) :].strip()[:1]
    try:
        number = float(figures)
    except ValueError:
        return None
    return number * _MIB[unit] if spec.name.endswith("_mib") and unit in _MIB else number


def _other_fix(draft: Draft, world: World, spec: FieldSpec) -> Fix | None:
    finding = world.findings.get(spec.name)
    found = [choice.value for choice in finding.choices] if finding else []
    if found and not spec.required and draft.value(spec.name) not in found and spec.name == "directory":
        return Fix({spec.name: found[0]}, f"use {found[0]}")
    if not spec.required and not draft.is_default(spec.name):
        return Fix({spec.name: None}, "leave it out")
    return None


# ------------------------------------------------------------------------------------------------- warnings


def _warnings(draft: Draft, world: World) -> Iterator[Complaint]:
    """More than there is, where that is allowed: a cluster may be larger than its machine."""
    for spec in draft.specs:
        finding = world.findings.get(spec.name)
        if finding is None or finding.limit is None or finding.closed or is_empty(draft.value(spec.name)):
            continue
        try:
            number = normal(draft.model, spec.name, draft.value(spec.name))
        except ValueError:
            continue
        if isinstance(number, int | float) and number > finding.limit:
            message = f"{number:,} is more than the {finding.limit:,} of {finding.source}: tasks will share what there is"
            fix = Fix({spec.name: finding.limit}, f"use {finding.limit:,}")
            remedy = "The kernel ends tasks when it runs out" if spec.name.endswith("_mib") else "They work, only slower"
            yield Complaint(Problem(spec.name, message, remedy), spec.name, fix, "warning")
