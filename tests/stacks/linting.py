"""Linters of templates: cfn-lint with its rules loaded once, and our own of IAM policies.

Which actions and resources exist is read from what cfn-lint knows of IAM.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import pytest

pytest.importorskip("cfnlint", reason="the tests of templates need the extra test")

from cfnlint.config import ConfigMixIn
from cfnlint.runner import Runner, run_template_by_data

from cyclone_core.aws.stacks import MOST_BYTES, MOST_INLINE_BYTES, MOST_RESOURCES

Template = Mapping[str, Any]
NEWER = {"batch:TerminateJobs": "batch:TerminateJob"}
"""Actions that cfn-lint does not know yet -> one that is for the same resources."""
_NEWER_WORDS = tuple(f"'{action.partition(':')[2].lower()}' is not one of" for action in NEWER)


@cache
def _rules() -> Any:
    return Runner(ConfigMixIn(regions=["us-east-1"])).rules


def findings(template: Template, region: str) -> list[str]:
    """Errors and warnings of cfn-lint."""
    own = json.loads(json.dumps(template))  # which it changes
    found = run_template_by_data(own, ConfigMixIn(regions=[region]), _rules())
    return [f"{match.rule.id} {match.message}" for match in found if not match.message.startswith(_NEWER_WORDS)]


def past_limits(template: Template) -> list[str]:
    """Limits of CloudFormation that a template passes; ours are small enough to need no bucket."""
    size = len(json.dumps(template, separators=(",", ":")))
    found = [f"{size:,} bytes"] if size > MOST_BYTES else [f"{size:,} bytes: not without a bucket"] if size > MOST_INLINE_BYTES else []
    return found + ([f"{len(template['Resources'])} resources"] if len(template["Resources"]) > MOST_RESOURCES else [])


def policy_findings(template: Template) -> list[str]:
    """What is wrong with policies and trusts of a template: too much, or nothing that exists."""
    return [f"{name}: {finding}" for name, statement in _statements(template) for finding in _wrong(statement)]


def _statements(template: Template) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every statement of every policy, wherever it is, by the logical id of its resource."""
    for name, resource in template["Resources"].items():
        for document in _documents(resource.get("Properties", {})):
            yield from ((name, statement) for statement in _listed(document["Statement"]))


def _documents(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        if "Statement" in value:
            yield value
        else:
            for inner in value.values():
                yield from _documents(inner)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for inner in value:
            yield from _documents(inner)


def _wrong(statement: Mapping[str, Any]) -> Iterator[str]:
    if statement["Effect"] == "Deny":
        return  # takes away: `*` is what it is for
    for word in ("NotAction", "NotResource", "NotPrincipal"):
        if word in statement:
            yield f"{word} allows what nobody listed"
    yield from _wrong_principal(statement.get("Principal"))
    resources = [_rendered(each) for each in _listed(statement.get("Resource", []))]
    for action in map(str, _listed(statement.get("Action", []))):
        if "*" in action:
            yield f"{action} allows more than is listed"
        elif not (action.startswith("sts:") and "Principal" in statement):  # a trust is for its own role
            yield from _wrong_resources(action, resources)


def _wrong_resources(action: str, resources: list[str]) -> Iterator[str]:
    """A statement may name resources of several kinds; each action has to be for one of them."""
    kinds = _kinds_of_resources(action)
    if kinds is None:
        yield f"there is no action {action}"
    elif "*" in resources:
        yield from [f"{action} on everything: it has resources, so they can be named"] if kinds else []
    elif not any(_meet(resource.replace("?", "*"), kind) for resource in resources for kind in kinds):
        yield f"{action} is for {' or '.join(kinds) or 'everything'}, not for {' or '.join(resources)}"
    elif action == "iam:PassRole" and any(resource.endswith("role/*") for resource in resources):
        yield "any role can be passed"


def _wrong_principal(principal: Any) -> Iterator[str]:
    """Whoever is trusted is a service, by its name."""
    if principal is None:
        return
    trusted = principal if isinstance(principal, Mapping) else {"AWS": principal}
    for kind, who in trusted.items():
        yield from (f"trusts {each}" for each in _listed(who) if kind != "Service" or "*" in str(each))


def _meet(one: str, other: str) -> bool:
    """Whether an ARN can match both: part by part, since IAM's `*` seldom means a part more, and some ARNs have no account."""
    parts = one.split(":", 5), other.split(":", 5)
    if min(map(len, parts)) < 6:
        return _overlap(one, other)
    return all(_overlap(*pair) for pair in zip(*parts, strict=True))


@cache
def _overlap(one: str, other: str) -> bool:
    """Whether something can match both of two patterns in which `*` is anything."""
    if one[:1] == "*":
        return _overlap(one[1:], other) or (bool(other) and _overlap(one, other[1:]))
    if other[:1] == "*":
        return _overlap(other, one)
    return one[:1] == other[:1] and (not one or _overlap(one[1:], other[1:]))


@cache
def _known() -> dict[str, Any]:
    data = (files("cfnlint") / "data" / "AdditionalSpecs" / "Policies.json").read_text(encoding="utf-8")
    known: dict[str, Any] = json.loads(data)
    return known


def _kinds_of_resources(action: str) -> list[str] | None:
    """Patterns of the ARNs of an action's resources, none where it has none; None when there is no such action."""
    action = NEWER.get(action, action)
    service, _, name = action.partition(":")
    found = _known().get(service.lower(), {})
    if name.lower() not in found.get("Actions", {}):
        return None
    kinds = found["Actions"][name.lower()].get("Resources", [])
    forms = [form for kind in kinds for form in found["Resources"].get(kind, {"ARNFormats": ["arn:.*"]})["ARNFormats"]]
    return [re.sub(r"\$\{\w+\}|\.\*", "*", form) for form in forms]


def _rendered(value: Any) -> str:
    """A resource as text; `?` stands for what only CloudFormation knows."""
    match value:
        case str():
            return value
        case {"Ref": "AWS::Partition"}:
            return "aws"
        case {"Fn::Sub": str(text)}:
            return re.sub(r"\$\{[^}]+\}", "?", text.replace("${AWS::Partition}", "aws"))
        case {"Fn::Join": [str(between), [*parts]]}:
            return between.join(map(_rendered, parts))
    return "?"


def _listed(value: Any) -> list[Any]:
    return [value] if isinstance(value, str | Mapping) else list(value)
