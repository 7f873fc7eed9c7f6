"""Use case: how a machine joins a cluster: the commands to type, with the names and ARNs of this host's stacks, and no secrets.

There are three ways, of which a cluster has one (`join_with`): any AWS profile, certificates (IAM Roles Anywhere), or an activation of
Systems Manager. docs/on-premise.md tells each of them step by step.
"""

import json
from dataclasses import dataclass
from shlex import quote
from typing import TYPE_CHECKING, Any

from cyclone_core import naming
from cyclone_core.errors import NotFound, NotYet
from cyclone_core.infra import joining
from cyclone_core.infra.joining import ANCHOR_ARN, PROFILE_ARN, ROLE, ROLE_ARN
from cyclone_core.infra.targets import Place
from cyclone_core.operations.resources import Stored

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cyclone_core.resources import Host

INSTALL = (
    "sudo mkdir -p /opt/cyclone && sudo cp -r cyclone_core /opt/cyclone/",
    "sudo install -m 755 worker_image/cyclone-worker /usr/local/bin/",
)
"""From a copy of Cyclone's directory, as in worker images: Python 3.11 or newer, and nothing but its standard library."""
CERTIFICATE, KEY = "/etc/cyclone/machine.pem", "/etc/cyclone/machine.key"


@dataclass(frozen=True)
class Step:
    """Something to do, and the commands for it."""

    where: str
    """`here` (as somebody who may) or `machine`"""
    text: str
    commands: tuple[str, ...]


@dataclass(frozen=True)
class Joining:
    """How machines join a cluster."""

    host: str
    cluster: str
    way: str
    """PROFILE, ROLES_ANYWHERE or SSM"""
    steps: tuple[Step, ...]
    outputs: "Mapping[str, str]"
    """of the cluster's stack, those that are about it"""


def policy(host: "Host", cluster: str) -> dict[str, Any]:
    """The policy of whoever joins with a profile: what a machine does, and nothing else."""
    from cyclone_core.operations import aws_hosts

    place = aws_hosts.place_of(host)
    return joining.policy(place, cluster, _partition(place.main_region))


def how(host: "Host", cluster: Stored) -> Joining:
    """What to do. Raises NotFound for a host that is no AWS host, NotYet while the cluster's stack lacks the role, AwsError."""
    from cyclone_core.operations import aws_hosts

    if host.type != "aws":
        raise NotFound(f"machines join AWS hosts, and {host.name} is this machine. Choose one with --host")
    place, way = aws_hosts.place_of(host), str(cluster.body.get("join_with") or joining.PROFILE)
    outputs = _outputs(host, place, cluster.name) if way != joining.PROFILE else {}
    if way != joining.PROFILE and ROLE_ARN not in outputs:
        what = f"the stack of cluster {cluster.name} in {place.main_region} has no role for machines that join"
        raise NotYet(f"{what} yet. See how it is: hyper clusters list-clusters --name {quote(cluster.name)}")
    return Joining(host.name, cluster.name, way, steps(place, cluster.name, way, outputs), outputs)


def steps(place: Place, cluster: str, way: str, outputs: "Mapping[str, str]") -> tuple[Step, ...]:
    """The steps of one of the ways."""
    install = Step(
        "machine", "Have the worker, from a copy of Cyclone's directory (python3 has to be 3.11 or newer; no package is needed)", INSTALL
    )
    made = {joining.PROFILE: _by_profile, joining.ROLES_ANYWHERE: _by_certificate, joining.SSM: _by_activation}[way]
    before, profile, user = made(place, cluster, outputs)
    options, whose = _options(place, cluster, profile), "" if user else ' --user "$(id -un)"'
    return (
        install,
        *before,
        Step(
            "machine", "Join, in this terminal (Ctrl-C leaves; what runs may go on for a minute)", (f"{user}cyclone-worker join {options}",)
        ),
        Step(
            "machine",
            "Or as a service, which starts with the machine",
            (
                f"{user}$(command -v cyclone-worker) unit {options}{whose} | sudo tee /etc/systemd/system/cyclone-worker.service",
                "sudo systemctl daemon-reload && sudo systemctl enable --now cyclone-worker",
            ),
        ),
    )


def _options(place: Place, cluster: str, profile: str) -> str:
    found = f"--host {place.host} --cluster {quote(cluster)} --account {place.account} --main-region {place.main_region} --region-name lab"
    return f"{found} --profile {profile}" if profile else found


def _by_profile(place: Place, cluster: str, outputs: "Mapping[str, str]") -> tuple[list[Step], str, str]:
    name = naming.stack(place.host, "join", cluster)
    make = f"hyper clusters join-command --host {place.host} --name {quote(cluster)} --policy > policy.json"
    give = Step(
        "here",
        "Make a policy with the rights of a machine, and attach it to whoever joins (a user, or a role that machines have)",
        (make, f"aws iam create-policy --policy-name {name} --policy-document file://policy.json"),
    )
    return [give, Step("machine", "Have a profile with credentials of theirs", ("aws configure --profile cyclone",))], "cyclone", ""


def _by_certificate(place: Place, cluster: str, outputs: "Mapping[str, str]") -> tuple[list[Step], str, str]:
    partition = _partition(place.main_region)
    helper = (
        f"aws_signing_helper credential-process --certificate {CERTIFICATE} --private-key {KEY} --trust-anchor-arn {outputs[ANCHOR_ARN]} "
        f"--profile-arn {outputs[PROFILE_ARN]} --role-arn {outputs[ROLE_ARN]}"
    )
    text = "Have AWS's signing helper for IAM Roles Anywhere, and a profile that asks it" + (
        " (in this partition)" if partition != "aws" else ""
    )
    certificate = Step(
        "here",
        f"Sign a certificate for the machine with your authority (its key stays there), and put both into {CERTIFICATE} and {KEY}",
        (),
    )
    lines = f"printf '[profile cyclone]\\ncredential_process = %s\\n' {quote(helper)} >> ~/.aws/config"
    return [certificate, Step("machine", text, ("mkdir -p ~/.aws", lines))], "cyclone", ""


def _by_activation(place: Place, cluster: str, outputs: "Mapping[str, str]") -> tuple[list[Step], str, str]:
    name = naming.stack(place.host, "join", cluster)
    activate = Step(
        "here",
        "Make an activation; it prints an id and a code, which are good for ten machines and a day",
        (
            f"aws ssm create-activation --iam-role {outputs[ROLE]} --registration-limit 10 --default-instance-name {name} "
            f"--region {place.main_region}",
        ),
    )
    register = Step(
        "machine",
        "Install the SSM agent, and register it; it keeps credentials of the role in root's shared credentials file",
        (f'sudo amazon-ssm-agent -register -code "CODE" -id "ID" -region {place.main_region}', "sudo systemctl restart amazon-ssm-agent"),
    )
    return [activate, register], "", "sudo "


def _outputs(host: "Host", place: Place, cluster: str) -> dict[str, str]:
    from cyclone_core.aws.stacks import Stacks
    from cyclone_core.operations import aws_hosts

    stack = Stacks(aws_hosts.account_of(host), place.main_region).get(naming.stack(place.host, "cluster", cluster))
    known = (ROLE, ROLE_ARN, ANCHOR_ARN, PROFILE_ARN)
    return {name: value for name, value in (stack.outputs if stack else {}).items() if name in known}


def _partition(region: str) -> str:
    """AWS's word for the part of it that a region belongs to."""
    return "aws-cn" if region.startswith("cn-") else "aws-us-gov" if region.startswith("us-gov-") else "aws"


def as_json(found: Joining) -> dict[str, Any]:
    """For programs."""
    told = [{"where": step.where, "what": step.text, "commands": list(step.commands)} for step in found.steps]
    return {
        "host": found.host,
        "cluster": found.cluster,
        "join_with": found.way,
        "steps": told,
        "outputs": json.loads(json.dumps(dict(found.outputs))),
    }
