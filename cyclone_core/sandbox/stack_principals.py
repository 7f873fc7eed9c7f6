"""As whom a stack acts, and whether that principal may do what its changes need. ministack makes resources whoever asks.

A stack acts as the role that it was once given (`RoleARN`), else as the caller of the operation. Looked at are the main actions of
`stacks.actions`; resources and conditions of policies are not: what the resources will be called is not known before.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id, get_region
from ministack.services import cloudformation, iam
from ministack.services.cloudformation.helpers import _error

from cyclone_core.sandbox.stacks.actions import Verb, actions_for

_SERVICE = "cloudformation.amazonaws.com"
_OPERATIONS = ("CreateStack", "UpdateStack", "DeleteStack", "CreateChangeSet")
"""Those that give a stack a role."""
Parameters = Mapping[str, Any]
Handler = Callable[[Parameters], Any]


class Principals:
    """The roles of all stacks."""

    def __init__(self, trusts: Callable[[Any, str], bool]) -> None:
        """trusts: whether a trust policy lets a service assume its role."""
        self._roles: dict[tuple[str, str, str], str] = {}
        self._trusts = trusts

    def watch(self) -> None:
        """Note the roles that stacks are given from now on."""
        for operation in _OPERATIONS:
            cloudformation._ACTION_HANDLERS[operation] = self._noting(cloudformation._ACTION_HANDLERS[operation])

    def check(self, resource_type: str, verb: Verb, stack_name: str, properties: object) -> None:
        """Raises ValueError, worded as AWS does, when the stack's principal may not make a change."""
        principal = self._roles.get(_key(stack_name)) or iam_evaluator.caller_arn()
        layers = layers_of(principal)
        for action in actions_for(resource_type, verb, properties) if layers is not None else ():
            if not all(is_allowed(action, statements) for statements in layers or ()):
                what = f"{principal} is not authorized to perform: {action} because no identity-based policy allows the {action} action"
                raise ValueError(f"Resource handler returned message: User: {what} (HandlerErrorCode: AccessDenied)")

    def _noting(self, original: Handler) -> Handler:
        def handle(parameters: Parameters) -> Any:
            role = str(cloudformation._p(parameters, "RoleARN"))
            if role:
                why = self._refusal(role)
                if why:
                    return _error("ValidationError", why)
                self._roles[_key(str(cloudformation._p(parameters, "StackName")))] = role
            return original(parameters)

        return handle

    def _refusal(self, role_arn: str) -> str:
        """Why the caller cannot give a stack a role, "" when it can."""
        role = iam._roles.get(role_arn.rpartition("/")[2])
        if role is None or not self._trusts(role.get("AssumeRolePolicyDocument", "{}"), _SERVICE):
            return f"Role {role_arn} is invalid or cannot be assumed"
        layers = layers_of(iam_evaluator.caller_arn())
        if layers is not None and not all(is_allowed("iam:PassRole", statements) for statements in layers):
            return f"User: {iam_evaluator.caller_arn()} is not authorized to perform: iam:PassRole on resource: {role_arn}"
        return ""


def layers_of(principal_arn: str) -> list[list[Any]] | None:
    """The statements of a principal's policies, and those of its permissions boundary if it has one; None for the account's root."""
    account = get_account_id()
    if principal_arn.endswith(":root"):
        return None
    if ":user/" in principal_arn:
        name, policies, store = principal_arn.rpartition("/")[2], iam_evaluator._gather_user_policies, iam._users
    else:
        is_session = ":assumed-role/" in principal_arn
        name = iam_evaluator._role_name_from_assumed_arn(principal_arn) if is_session else principal_arn.rpartition("/")[2]
        policies, store = iam_evaluator._gather_role_policies, iam._roles
    limits = iam_evaluator._permissions_boundary(store, name, account)
    return [_flat(policies(name, account)), *(_flat(limit) for limit in limits)]


def is_allowed(action: str, statements: Iterable[Any]) -> bool:
    """Whether statements allow an action for anything, and do not deny it for everything."""
    about = [each for each in statements if iam_evaluator._action_matches(action, each.actions, each.not_actions)]
    denied = any(each.effect == "Deny" and "*" in each.resources and not each.conditions for each in about)
    return not denied and any(each.effect == "Allow" for each in about)


def _flat(policies: Iterable[Iterable[Any]]) -> list[Any]:
    return [statement for statements in policies for statement in statements]


def _key(stack_name: str) -> tuple[str, str, str]:
    name = stack_name.split("/")[1] if stack_name.startswith("arn:") else stack_name
    return get_account_id(), get_region(), name
