"""What a host has, as its stacks recorded it: SSM parameters in its main region, one a resource, with the resource's body as JSON.

`naming.record` says what they are called; nothing is written here, CloudFormation does that with the stacks.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cyclone_core import naming
from cyclone_core.aws.account import Account
from cyclone_core.problems import Problem

Body = dict[str, Any]


@dataclass(frozen=True)
class Records:
    """The recorded resources of a host, and what of the records cannot be used."""

    bodies: Mapping[str, Mapping[str, Body]]
    """kind -> name -> body, with the kind `host`"""
    problems: tuple[Problem, ...] = ()


def read(account: Account, region: str, host: str) -> Records:
    """Every record of a host. region: its main region. Raises AwsError; a record that is no JSON is a problem, not an error."""
    bodies: dict[str, dict[str, Body]] = {}
    problems: list[Problem] = []
    prefix = naming.records(host) + "/"
    for name, value in _parameters(account, region, prefix):
        kind, _, resource = name.removeprefix(prefix).partition("/")
        body = _parsed(value)
        if body is None or not resource:
            hint = "Deploy the resource again, or delete the parameter if it is nobody's"
            problems.append(Problem(f"{kind} {resource}".strip(), f"its record {name} in {region} is no description of a resource", hint))
        else:
            bodies.setdefault(kind, {})[resource] = body
    return Records(bodies, tuple(problems))


def hosts(account: Account, region: str) -> dict[str, Body]:
    """The hosts that have this region as their main one, by name: the bodies of their records of kind host. Raises AwsError.

    One that only other records tell of, because its control plane is not deployed, has an empty body.
    """
    found: dict[str, Body] = {}
    root = naming.records("")
    for name, value in _parameters(account, region, root):
        host, _, rest = name.removeprefix(root).partition("/")
        if rest == f"host/{host}" and (body := _parsed(value)) is not None:
            found[host] = body
        elif host:
            found.setdefault(host, {})
    return found


def _parameters(account: Account, region: str, path: str) -> list[tuple[str, str]]:
    parameters = account.client("ssm", region).all("GetParametersByPath", "Parameters", Path=path, Recursive=True)
    return sorted((str(parameter["Name"]), str(parameter["Value"])) for parameter in parameters)


def _parsed(value: str) -> Body | None:
    try:
        body = json.loads(value)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None
