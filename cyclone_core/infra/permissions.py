"""The rights that deploying a host takes, exactly: for plans, which ask whether the caller has them, and as policies for a deployer's role.

Pure. `python -m cyclone_core.infra.permissions` writes docs/aws-permissions.md; with a host and an account it writes the policies for
them, as JSON.
"""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cyclone_core import naming
from cyclone_core.infra import permission_words as words
from cyclone_core.infra.permission_table import BY_TYPE, EC2_ENDS, EC2_LOOKS, EC2_MAKES, LOOK, OWN, SCOPES, WORK, Scope, listed

MOST_POLICY_BYTES = 6144
"""Of a managed policy, without white space (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html)."""
_POLICIES = {
    "deploy": ("cloudformation", "s3", "servicequotas", "ssm"),
    "control-plane": ("cloudwatch", "dynamodb", "events", "iam", "lambda", "logs", "sqs"),
    "network": ("ec2", "route53"),
    "compute": ("batch", "ecr", "rolesanywhere"),
}
"""Policies by name, with the services of their actions: one for all would be longer than a policy can be."""
Document = dict[str, Any]


def needed(templates: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """The IAM actions that making, changing and deleting the stacks of these templates takes, in order.

    Types that Cyclone's stacks do not use add nothing.
    """
    types = {resource["Type"] for template in templates for resource in template.get("Resources", {}).values()}
    return tuple(sorted(OWN.union(*(BY_TYPE.get(name, frozenset()) for name in types))))


def questions(actions: Iterable[str], host: str, account: str, region: str, partition: str = "aws") -> dict[str, str]:
    """What IAM can be asked about these actions: action -> the ARN of something of this host that it is needed for, `*` for everything.

    For `aws.permissions.lacking(account, found, found, circumstances(…))`. Asked about everything, IAM would refuse what a policy narrows
    down to the host.
    """
    found = {}
    for action in actions:
        arn = _filled(scope_of(action).on[0], host, account, partition).replace(":*:", f":{region}:", 1)
        found[action] = arn if arn == "*" else arn.replace("*", "x")
    return found


def circumstances(host: str, account: str, region: str, partition: str = "aws") -> dict[str, str]:
    """What requests are like, for IAM to say whether they are allowed: one of the services, and of the functions, that each is made for."""
    return {
        "iam:PassedToService": "ecs-tasks.amazonaws.com",
        "iam:AWSServiceName": "batch.amazonaws.com",
        f"aws:ResourceTag/{naming.TAG_HOST}": host,
        "lambda:FunctionArn": f"arn:{partition}:lambda:{region}:{account}:function:{naming.function(host, 'x')}",
    }


def policies(host: str, account: str, partition: str = "aws") -> dict[str, Document]:
    """The policies of a role that may deploy this host and nothing else, by name."""
    return _documents(needed([{"Resources": {name: {"Type": name} for name in BY_TYPE}}]), host, account, partition)


def look_policy(host: str, account: str, partition: str = "aws") -> Document:
    """The policy of somebody who may only look."""
    return _document(sorted(listed(LOOK)), host, account, partition)


def work_policy(host: str, account: str, partition: str = "aws") -> Document:
    """The policy of somebody who works with a host: submits jobs, looks at them and cancels them."""
    statements = [
        {"Effect": "Allow", "Action": sorted(listed(actions)), "Resource": [_filled(arn, host, account, partition) for arn in on]}
        for actions, on in WORK
    ]
    return {"Version": "2012-10-17", "Statement": statements}


def scope_of(action: str) -> Scope:
    """What an action can be allowed on."""
    if action.startswith("ec2:"):
        if action in listed(EC2_ENDS.actions):
            return EC2_ENDS
        return EC2_LOOKS if action.startswith("ec2:Describe") else EC2_MAKES
    service = action.partition(":")[0]
    return next(scope for scope in SCOPES if action in listed(scope.actions) or scope.actions == f"{service}:*")


def _documents(actions: Sequence[str], host: str, account: str, partition: str) -> dict[str, Document]:
    return {
        name: _document([action for action in actions if action.partition(":")[0] in services], host, account, partition)
        for name, services in _POLICIES.items()
    }


def _document(actions: Iterable[str], host: str, account: str, partition: str) -> Document:
    by_scope: dict[tuple[str, ...], tuple[Scope, list[str]]] = {}
    for action in actions:
        scope = scope_of(action)
        by_scope.setdefault((scope.actions, *scope.on), (scope, []))[1].append(action)
    statements = [
        {
            "Effect": "Allow",
            "Action": found,
            "Resource": [_filled(arn, host, account, partition) for arn in scope.on],
            **({"Condition": _plain(scope.condition, host, account, partition)} if scope.condition else {}),
        }
        for scope, found in by_scope.values()
    ]
    return {"Version": "2012-10-17", "Statement": statements}


def _plain(
    condition: Mapping[str, Mapping[str, Sequence[str]]], host: str, account: str, partition: str
) -> dict[str, dict[str, list[str]]]:
    """As policies have it; services with a name of their own in China are left out elsewhere."""
    unknown = () if partition == "aws-cn" else (".com.cn",)
    return {
        operator: {
            key: [_filled(value, host, account, partition) for value in values if not value.endswith(unknown)]
            for key, values in keys.items()
        }
        for operator, keys in condition.items()
    }


def _filled(arn: str, host: str, account: str, partition: str) -> str:
    return arn.format(p=partition, a=account, h=host, H=naming.in_logical_ids(host))


# -- the document ------------------------------------------------------------------------------------------------------
def document() -> str:
    """docs/aws-permissions.md."""
    found = policies("HOST", "ACCOUNT")
    parts = [words.HEAD]
    for name, policy in found.items():
        parts += [f"### Policy `{name}`\n", words.POLICIES[name] + "\n", _shown(policy)]
    reasons = {scope.why: _actions(scope, found) for scope in (*SCOPES, EC2_LOOKS, EC2_MAKES) if scope.why}
    parts += [words.REASONS, *(f"* {actions}: {why}." for why, actions in reasons.items()), "", words.LOOKING]
    parts += [_shown(look_policy("HOST", "ACCOUNT")), words.WORKING, _shown(work_policy("HOST", "ACCOUNT")), words.WORKERS, words.TAIL]
    return "\n".join(parts)


def _actions(scope: Scope, found: Mapping[str, Document]) -> str:
    every = {action for policy in found.values() for statement in policy["Statement"] for action in statement["Action"]}
    if scope in (EC2_LOOKS, EC2_MAKES):
        return "`ec2:Describe…`" if scope is EC2_LOOKS else "the other actions of EC2"
    mine = sorted(action for action in every if scope_of(action) is scope)
    return ", ".join(f"`{action}`" for action in mine)


def _shown(policy: Document) -> str:
    return f"```json\n{json.dumps(policy, indent=1)}\n```\n"


def main(arguments: Sequence[str]) -> None:
    """Print the document, or with HOST and ACCOUNT the policies for them."""
    if len(arguments) == 2:
        sys.stdout.write(
            json.dumps({**policies(*arguments), "look": look_policy(*arguments), "work": work_policy(*arguments)}, indent=1) + "\n"
        )
    else:
        sys.stdout.write(document())


if __name__ == "__main__":
    main(sys.argv[1:])
