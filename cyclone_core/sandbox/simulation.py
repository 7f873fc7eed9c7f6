"""What IAM's simulator says (`iam:SimulatePrincipalPolicy`): what the sandbox's enforcement would, from the same policies.

ministack's own looks at no permissions boundary and takes no `ContextEntries`, does not find roles that have a path, and answers for
principals that do not exist. Like AWS's, this one knows of the circumstances of a request only what it is told.
"""

from collections.abc import Iterator, Mapping
from typing import Any
from xml.sax.saxutils import escape

from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id, get_region
from ministack.services import iam

from cyclone_core.sandbox.stack_principals import layers_of

_OPERATION = "SimulatePrincipalPolicy"
_DECISIONS = {"Allow": "allowed", "Deny": "explicitDeny", "ImplicitDeny": "implicitDeny"}
Layers = list[list[Any]]
"""Statements of the policies, then those of the boundary if there is one."""


def install() -> None:
    """Answer in place of ministack; before the first request."""
    iam._IAM_HANDLERS[_OPERATION] = _simulate


def decision(principal: str, layers: Layers, action: str, resource: str, circumstances: Mapping[str, Any]) -> str:
    """`allowed`, `explicitDeny` or `implicitDeny`: may a principal with these statements do this?

    circumstances: condition key in lower case -> value, or values.
    """
    context = iam_evaluator.EvalContext(
        principal_arn=principal, principal_type="User" if ":user/" in principal else "AssumedRole", principal_account=get_account_id(),
        action=action, resource_arn=resource, region=get_region(), source_ip="127.0.0.1", secure_transport=True,
        service_context=dict(circumstances),
    )  # fmt: skip
    policies, *limits = [[statements] for statements in layers]
    return _DECISIONS[iam_evaluator.evaluate(context, policies, *limits).decision]


def _simulate(parameters: Mapping[str, Any]) -> Any:
    principal = iam._p(parameters, "PolicySourceArn")
    name = principal.rpartition("/")[2]
    store = {"user": iam._users, "role": iam._roles}.get(principal.rpartition(":")[2].partition("/")[0])
    if store is None:
        return iam._error(400, "InvalidInput", f"Invalid Entity Arn: {principal} does not clearly define entity type and name.", ns="iam")
    if store.get(name) is None or store.get(name)["Arn"] != principal:
        return iam._error(404, "NoSuchEntity", f"The entity {principal} cannot be found.", ns="iam")
    layers = layers_of(principal) or [[]]
    resources, circumstances = list(_members(parameters, "ResourceArns")) or ["*"], dict(_circumstances(parameters))
    results = "".join(
        _result(action, arn, decision(principal, layers, action, arn, circumstances))
        for action in _members(parameters, "ActionNames")
        for arn in resources
    )
    inner = f"<EvaluationResults>{results}</EvaluationResults><IsTruncated>false</IsTruncated>"
    return iam._xml(200, f"{_OPERATION}Response", f"<{_OPERATION}Result>{inner}</{_OPERATION}Result>", ns="iam")


def _result(action: str, arn: str, found: str) -> str:
    names = f"<EvalActionName>{escape(action)}</EvalActionName><EvalResourceName>{escape(arn)}</EvalResourceName>"
    return f"<member>{names}<EvalDecision>{found}</EvalDecision><MatchedStatements/><MissingContextValues/></member>"


def _circumstances(parameters: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    number = 1
    while key := iam._p(parameters, f"ContextEntries.member.{number}.ContextKeyName"):
        values = list(_members(parameters, f"ContextEntries.member.{number}.ContextKeyValues"))
        yield str(key).lower(), values[0] if len(values) == 1 else values
        number += 1


def _members(parameters: Mapping[str, Any], name: str) -> Iterator[str]:
    number = 1
    while value := iam._p(parameters, f"{name}.member.{number}"):
        yield str(value)
        number += 1
