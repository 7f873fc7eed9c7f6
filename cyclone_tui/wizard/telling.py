"""A review in words: lines of (text, style name) that any surface can show. Pure."""

from collections.abc import Iterator

from cyclone_core.field_meaning import meant
from cyclone_core.infra.plan import Action, Change, FieldChange, Plan
from cyclone_core.resource_fields import plain
from cyclone_core.resources import MODELS
from cyclone_tui import cost_telling
from cyclone_tui.wizard import stack_telling
from cyclone_tui.wizard.form import label
from cyclone_tui.wizard.review import Review
from cyclone_tui.wizard.values import as_text
from cyclone_tui.wizard.verdicts import Complaint

Line = tuple[tuple[str, str], ...]
"""Pieces of (text, style name of `formatters.STYLE_NAMES`)."""
_SIGNS: dict[Action, tuple[str, str]] = {
    "create": ("+", "ok"),
    "change": ("~", "running"),
    "replace": ("±", "waiting"),
    "delete": ("-", "failed"),
}
_WORDS: dict[Action, str] = {"create": "create", "change": "change", "replace": "replace (made again)", "delete": "delete"}
_OURS = ("kind", "cores", "memory_mib", "state", "reason", "log", "source", "image", "container_options")
"""Fields of bodies that nobody sets."""


def lines(review: Review, ascii: bool = False) -> list[Line]:
    """The whole review: plan with what differs, problems, cost, command."""
    found: list[Line] = [(("Plan", "title"),), *_plan(review.plan, review, ascii)]
    if review.details is not None:
        found += stack_telling.lines(review.plan, review.details, ascii)
    if review.complaints:
        found += [(), (("Problems" if review.errors else "Worth knowing", "title"),)]
        found += [_complaint(one, ascii) for one in review.complaints]
    if review.details is not None and review.details.quotas:
        found += [(), *cost_telling.quota_lines(review.details.quotas, ascii)]
    costs = review.details.costs if review.details is not None and review.plan else None
    found += [
        (),
        *(cost_telling.cost_lines(costs, cost_telling.NARROW) if costs else [(("Cost", "title"),), ((f"  {review.cost.text}", ""),)]),
    ]
    found += [(), (("The same as a command", "title"), ("   Y copies it", "muted"))]
    return [*found, (("  $ ", "muted"), (review.command, "number"))]


def summary(plan: Plan) -> str:
    """What a button says: `Create cluster big`; "" for nothing to do."""
    if not plan.changes:
        return ""
    changes = _resources(plan)
    first = changes[0]
    words = f"{first.action.capitalize()} {first.kind} {first.name}"
    return words if len(changes) == 1 else f"{words} and {len(changes) - 1} more"


def _resources(plan: Plan) -> list[Change]:
    """One change of each resource, whose stacks may be in many regions; stacks that are no resource of their own only where alone."""
    found: dict[tuple[str, str], Change] = {}
    for change in plan.changes:
        if change.kind in MODELS:
            found.setdefault((change.kind, change.name), change)
    return list(found.values()) or list(plan.changes)


def _plan(plan: Plan, review: Review, ascii: bool) -> Iterator[Line]:
    if not plan:
        unread = review.errors and review.draft.given()
        yield (("  cannot be made before the problems below are fixed" if unread else "  nothing would change: all is as asked", "muted"),)
    for change in _resources(plan):
        sign, style = _SIGNS[change.action]
        sign = "*" if ascii and sign == "±" else sign
        yield ((f"  {sign} ", style), (f"{_WORDS[change.action]} ", style), (f"{change.kind} ", ""), (change.name, "number"))
        if (change.kind, change.name) == (review.draft.kind, review.draft.name) or change.action != "create":
            yield from _fields(change, "->" if ascii else "→", review)


def _fields(change: Change, arrow: str, review: Review) -> Iterator[Line]:
    fields = [field for field in change.fields if field.field != "name" and field.field not in _OURS]
    if change.action == "create":
        fields = [field for field in meant(change.kind, fields) if as_text(field.after)]
    names = {field.field: "Runs as" if (change.kind, field.field) == ("image", "reference") else label(field.field) for field in fields}
    width = max(map(len, names.values()), default=0)
    for field in fields:
        name = (f"      {names[field.field]:<{width}}  ", "muted")
        after = (_cell(field.after) or "none", "")
        if change.action == "create":
            known = field.field in {spec.name for spec in review.draft.specs}
            own = known and review.draft.is_changed(field.field)
            told = "" if own or names[field.field] == "Runs as" or not _is_default(review, field) else "  (default)"
            yield (name, (after[0], "ok" if own else ""), (told, "muted"))
        else:
            yield (name, (_cell(field.before) or "none", "muted"), (f" {arrow} ", "muted"), after)


def _is_default(review: Review, field: FieldChange) -> bool:
    """On AWS some values follow from other answers, or were looked up."""
    spec = next((spec for spec in review.draft.specs if spec.name == field.field), None)
    return review.draft.host_type == "local" or spec is None or field.after == plain(spec.default)


def _complaint(one: Complaint, ascii: bool) -> Line:
    sign, style = (("x" if ascii else "✗"), "failed") if one.level == "error" else ("!", "waiting")
    where = f"{label(one.field)}: " if one.field else ""
    fix: Line = (("   F4 ", "title"), (one.fix.text, "running")) if one.fix else ()
    return ((f"  {sign} {where}{one.problem.message}{'. ' + one.problem.hint if one.problem.hint else ''}", style), *fix)


def _cell(value: object) -> str:
    """A value as one line that cannot move the cursor."""
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in as_text(value))
