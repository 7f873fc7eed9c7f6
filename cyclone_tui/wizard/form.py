"""The form view of a draft: each field as it looks, and what an editor's text means as an answer. Pure."""

import json
from collections.abc import Sequence

from cyclone_core.resource_fields import FieldSpec, plain, show
from cyclone_tui.wizard import documents
from cyclone_tui.wizard.draft import Draft
from cyclone_tui.wizard.fields import Editor, FieldView
from cyclone_tui.wizard.sources import World
from cyclone_tui.wizard.values import as_text, is_empty, normal, same
from cyclone_tui.wizard.verdicts import Complaint

_WRITTEN = {
    "vcpus": "vCPUs", "uri": "URI", "vpc": "VPC", "iam": "IAM", "gpu": "GPU", "nat": "NAT", "api": "API", "cidr": "CIDR", "id": "ID",
    "mib": "(MiB)", "qlog": "qlog",
}  # fmt: skip
_MOST_SEGMENTS_WIDTH = 46
"""Choices that fit on a line beside each other are shown so; more are a list."""
_MOST_NOTE = 100
"""Characters; longer causes are cut at their first colon."""


def view(draft: Draft, world: World, spec: FieldSpec, found: Sequence[Complaint] = ()) -> FieldView:
    """A field as it looks. found: every complaint about the draft."""
    finding = world.findings.get(spec.name)
    mine = next((one for one in found if one.field == spec.name), None)
    choices = tuple((choice.value, choice.text) for choice in finding.choices) if finding else ()
    if spec.choices or spec.shape == "flag":
        choices = _fixed_choices(draft, spec)
    elif spec.option.refers_to and not choices:
        choices = tuple((name, "") for name in world.names(spec.option.refers_to))
    return FieldView(
        name=spec.name,
        label=label(spec.name),
        help=spec.help + _parts(spec),
        editor=editor(spec),
        text=text(draft, spec),
        placeholder=_placeholder(draft, spec),
        origin=_origin(draft, spec),
        choices=choices,
        message=_message(mine) if mine else "",
        fix=mine.fix.text if mine and mine.fix else "",
        level=mine.level if mine else "",
        doubt=_doubt(draft, spec),
        note=f"{_note(finding.warning)}{f'. {finding.remedy}' if finding.remedy else ''}" if finding else "",
        completes=spec.option.path,
        several=spec.shape == "list",
        locked=draft.mode == "update" and (spec.name == "name" or (draft.kind, spec.name) == ("host", "type")),
    )


def _message(complaint: Complaint) -> str:
    """Cause and remedy; a remedy that a key applies is not told twice."""
    problem = complaint.problem
    place = problem.path.removeprefix(complaint.field).lstrip(".") if problem.path.startswith(complaint.field) else ""
    message = f"{place}: {problem.message}" if place else problem.message
    is_told = complaint.fix is not None and problem.hint.startswith(("Did you mean", "For example", "Leave it out", "Give it with"))
    return message if is_told or not problem.hint else f"{message}. {problem.hint}"


def _note(warning: str) -> str:
    """Why there is nothing to choose, as short as it can be told: all of it stands in the review, should it matter."""
    cause = warning.partition(". ")[0]
    return cause if len(cause) <= _MOST_NOTE else cause.partition(": ")[0]


def label(name: str) -> str:
    """The name of a field as people write it: `Max vCPUs`."""
    words = [_WRITTEN.get(word, word) for word in name.split("_")]
    return " ".join([words[0][:1].upper() + words[0][1:] if words[0] == name.split("_")[0] else words[0], *words[1:]])


def editor(spec: FieldSpec) -> Editor:
    """What a field is edited with."""
    if spec.shape == "flag" or (spec.choices and sum(len(choice) + 4 for choice in spec.choices) <= _MOST_SEGMENTS_WIDTH):
        return "segments"
    return "lines" if spec.shape in ("map", "json") else "line"


def text(draft: Draft, spec: FieldSpec) -> str:
    """The answer as it is edited."""
    value = draft.value(spec.name)
    if editor(spec) == "segments":
        try:
            shown = show(normal(draft.model, spec.name, value))
        except ValueError:
            return as_text(value)
        default = spec.default_text(draft.host_type)
        return default if not shown and default in spec.choices else shown
    if spec.shape == "map":
        return _lines(draft, spec, value)
    return documents.fragment(value) if spec.shape == "json" else as_text(value)


def answer(spec: FieldSpec, written: str) -> object:
    """What an editor's text means; a text that means nothing is kept as it is, so that it can be judged and corrected."""
    if spec.shape == "flag":
        return written == "yes" if written in ("yes", "no") else written
    if spec.shape == "map":
        lines = [line.strip() for line in written.splitlines() if line.strip()]
        return written if any("=" not in line for line in lines) else dict(_pair(line) for line in lines)
    if spec.shape == "json":
        try:
            return documents.read_fragment(written)
        except ValueError:
            return written
    return written


def _pair(line: str) -> tuple[str, str]:
    key, _, value = line.partition("=")
    return key.strip(), value


def _lines(draft: Draft, spec: FieldSpec, value: object) -> str:
    if isinstance(value, str):
        return value
    try:
        pairs = normal(draft.model, spec.name, value)
    except ValueError:
        return json.dumps(plain(value))
    return "\n".join(f"{key}={item}" for key, item in pairs.items())


def _fixed_choices(draft: Draft, spec: FieldSpec) -> tuple[tuple[str, str], ...]:
    if spec.shape == "flag":
        return (("yes", ""), ("no", ""))
    default = spec.default_text(draft.host_type)
    unset = (("", default or "none"),) if spec.default is None and not spec.required and default not in spec.choices else ()
    return (*unset, *((choice, "") for choice in spec.choices))


def _placeholder(draft: Draft, spec: FieldSpec) -> str:
    if spec.shape == "json":
        lead = "- " if spec.name.endswith("s") and spec.default == () else ""
        return "\n".join(f"{lead if at == 0 else ' ' * len(lead)}{part.name}: …" for at, part in enumerate(spec.parts))
    if spec.shape == "map":
        return "NAME=VALUE, one a line" if not spec.option.pair else f"{'='.join(spec.option.pair)}, one a line"
    return spec.default_text(draft.host_type) or ("" if spec.required else "none")


def _parts(spec: FieldSpec) -> str:
    return f" (YAML: {', '.join(part.name for part in spec.parts)})" if spec.parts else ""


def _origin(draft: Draft, spec: FieldSpec) -> str:
    entry = draft.origin(spec.name)
    if draft.mode == "update" and draft.is_changed(spec.name):
        before = as_text(draft.stored.get(spec.name)) or spec.default_text(draft.host_type) or "none"
        return f"was {before}"
    if draft.mode == "create" and spec.name != "name" and entry.origin == "given" and same(draft.model, spec.name, entry.value, None):
        return "default"
    if entry.origin == "discovered":
        return entry.source or "found"
    words = {"default": "" if spec.required and is_empty(entry.value) else "default", "last used": "as last time", "given": ""}
    return words.get(entry.origin, "as it is" if draft.mode == "update" else "")


def _doubt(draft: Draft, spec: FieldSpec) -> str:
    if spec.name not in draft.review:
        return ""
    causes = [label(name) for name in spec.option.depends_on if name in draft.entries]
    return f"{' and '.join(causes)} changed: is this still right?" if causes else "its secrets were not kept with the draft: look again"
