"""Which IAM actions the caller lacks, as IAM itself says: it simulates the caller's policies, nothing is done."""

from collections.abc import Iterable, Iterator, Mapping

from cyclone_core.aws.account import Account, Identity
from cyclone_core.aws.client import Answer
from cyclone_core.errors import AccessDenied, AwsError

MOST_ACTIONS = 100
"""Asked about at once: the names of more make requests too long."""
_REGION = "us-east-1"
"""IAM is the same everywhere; its requests are signed for here."""


def lacking(
    account: Account,
    actions: Iterable[str],
    resources: Mapping[str, str] | None = None,
    circumstances: Mapping[str, str] | None = None,
) -> tuple[tuple[str, ...], str]:
    """The actions that the caller is not allowed, in order, and why that could not be looked at, "" when it was.

    resources: action -> ARN of what it is needed for; others have to be allowed for everything. circumstances: condition keys of policies
    -> the value that requests have, such as iam:PassedToService; what depends on others counts as lacking. Raises AwsError for anything but
    IAM not being asked or not knowing the caller.
    """
    wanted = sorted(set(actions))
    identity = account.identity()
    if identity.is_root or not wanted:
        return (), ""
    try:
        principal = _principal(account, identity)
        if not principal:
            return (), f"IAM simulates users and roles only, and the caller is {identity.arn}"
        context = [
            {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string"} for key, value in (circumstances or {}).items()
        ]
        asked = questions(wanted, resources or {})
        denied = {action for names, arn in asked for action in _denied(account, principal, names, arn, context)}
    except AccessDenied as exc:
        return (), f"{identity.arn} may not {exc.action}"
    except AwsError as exc:
        if exc.code not in ("NoSuchEntity", "InvalidInput"):
            raise
        return (), f"IAM cannot simulate {identity.arn}: {exc}"
    return tuple(action for action in wanted if action in denied), ""


def _principal(account: Account, identity: Identity) -> str:
    """ARN of the user or role with the policies, "" for what has none of its own; a role's path is not in the ARN of its sessions."""
    if ":user/" in identity.arn or ":role/" in identity.arn:
        return identity.arn
    if ":assumed-role/" not in identity.arn:
        return ""
    try:
        answer = account.client("iam", _region(account)).ask("GetRole", RoleName=identity.principal.rpartition("/")[2])
    except AccessDenied:
        return identity.principal
    return str(answer["Role"]["Arn"])


def questions(actions: Iterable[str], resources: Mapping[str, str]) -> Iterator[tuple[list[str], str]]:
    """Actions that can be asked about together, with what they are needed for."""
    together: dict[str, list[str]] = {}
    for action in actions:
        together.setdefault(resources.get(action, "*"), []).append(action)
    for arn, names in together.items():
        yield from ((names[start : start + MOST_ACTIONS], arn) for start in range(0, len(names), MOST_ACTIONS))


def _denied(account: Account, principal: str, actions: list[str], arn: str, context: list[Answer]) -> set[str]:
    results = account.client("iam", _region(account)).all(
        "SimulatePrincipalPolicy", "EvaluationResults",
        PolicySourceArn=principal, ActionNames=actions, ResourceArns=[arn], ContextEntries=context,
    )  # fmt: skip
    return {str(result["EvalActionName"]) for result in results if result["EvalDecision"] != "allowed"}


def _region(account: Account) -> str:
    """Where IAM's requests are signed for: each partition has one such region."""
    return _REGION if account.identity().partition == "aws" else account.default_region
