"""What AWS Batch needs of other services of the sandbox: credentials of job roles, log groups, networks. All of it ministack's."""

import asyncio
import contextvars
import json
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from xml.etree import ElementTree

from ministack.core.responses import request_scope
from ministack.services import cloudwatch_logs, ec2, iam, sts

from cyclone_core.sandbox.batch.execution import CannotStart
from cyclone_core.sandbox.batch.place import Scope, Surroundings
from cyclone_core.sandbox.faults import FaultFile

_TASKS = "ecs-tasks.amazonaws.com"
"""Service that assumes job roles."""
_LINE_BYTES = 256 * 1024
"""CloudWatch Logs takes no longer events."""


class SandboxSurroundings(Surroundings):
    """The sandbox around Batch."""

    def __init__(self, port: int, faults: FaultFile) -> None:
        """port: where the sandbox serves."""
        self._faults = faults
        self._endpoint = f"http://127.0.0.1:{port}"
        self.loop: asyncio.AbstractEventLoop | None = None
        """ministack's; its stores are changed there and nowhere else."""

    def endpoint(self) -> Mapping[str, str]:
        """Every library of a job finds the sandbox, and none looks for the machine's own role."""
        return {"AWS_ENDPOINT_URL": self._endpoint, "AWS_EC2_METADATA_DISABLED": "true", "NO_PROXY": "127.0.0.1,localhost"}

    def credentials(self, scope: Scope, role_arn: str, job_id: str, service: str = _TASKS) -> Mapping[str, str]:
        """A session of the role of a job, or of an instance (service: ec2.amazonaws.com), as AssumeRole makes them."""
        account, region = scope
        name = role_arn.rpartition("/")[2]
        with request_scope(account, region):
            role = iam._roles.get(name)
        if role is None or not trusts(role.get("AssumeRolePolicyDocument", "{}"), service):
            why = f"Verify that the role exists and that it trusts {service}"
            raise CannotStart(f"ECS was unable to assume the role '{role_arn}' that was provided for this task. {why}")
        key, secret, token = f"ASIA{secrets.token_hex(8).upper()}", secrets.token_urlsafe(30), secrets.token_urlsafe(60)
        session = job_id.replace(":", "-")
        sts.register_session(key, {
            "Arn": f"arn:aws:sts::{account}:assumed-role/{name}/{session}", "UserId": f"{role.get('RoleId', '')}:{session}",
            "SecretAccessKey": secret, "SessionToken": token, "AccountId": account, "PrincipalType": "AssumedRole",
        })  # fmt: skip
        return {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_SESSION_TOKEN": token}

    def log(self, scope: Scope, group: str, stream: str, lines: Sequence[str]) -> None:
        """Put lines into a log stream, which is made when it is not there."""
        now_ms = int(time.time() * 1000)
        events = [{"timestamp": now_ms, "message": line[:_LINE_BYTES]} for line in lines]

        def put() -> None:
            names = {"logGroupName": group, "logStreamName": stream}
            cloudwatch_logs._create_log_group({"logGroupName": group})  # one that is there stays
            cloudwatch_logs._create_log_stream(names)
            cloudwatch_logs._put_log_events({**names, "logEvents": events})

        self._there(scope, put)

    def is_interrupted(self, job_id: str, attempt: int) -> bool:
        """As the faults say."""
        return self._faults.current().interrupts(job_id, attempt)

    def is_starved(self, scope: Scope, queue: str, purchase: str) -> bool:
        """As the faults say."""
        return self._faults.current().starves(scope[1], queue, purchase)

    def notice(self, instance: str) -> str:
        """What the faults say of an instance."""
        return self._faults.current().notices.get(instance, "")

    def problems_of(self, scope: Scope, resources: Mapping[str, Any]) -> list[str]:
        """Subnets, security groups and instance profiles that do not exist. Called where requests are answered, so in their scope."""
        calls = ScopedEc2()
        wanted = {"DescribeSubnets": ("SubnetId", "subnets"), "DescribeSecurityGroups": ("GroupId", "securityGroupIds")}
        found = []
        for operation, (parameter, member) in wanted.items():
            for identifier in resources.get(member, ()):
                try:
                    answer = calls.call(operation, {f"{parameter}.1": identifier})
                except ValueError as exc:
                    found.append(str(exc))
                    continue
                if answer.find(".//item") is None:
                    found.append(f"{identifier} does not exist")
        profile = str(resources.get("instanceRole", "")).rpartition("/")[2]
        if profile and iam._lookup_instance_profile(name=profile) is None:
            found.append(f"the instance profile {profile} does not exist")
        return found

    def _there(self, scope: Scope, work: Callable[[], None]) -> None:
        context = contextvars.copy_context()

        def run() -> None:
            with request_scope(*scope):
                work()

        if self.loop is not None and not self.loop.is_closed():
            self.loop.call_soon_threadsafe(run, context=context)


def trusts(document: str | Mapping[str, Any], service: str) -> bool:
    """Whether a trust policy lets a service assume its role; conditions are taken as met."""
    statements = (json.loads(document) if isinstance(document, str) else document).get("Statement", [])
    allowed = [
        statement["Effect"] == "Allow"
        for statement in ([statements] if isinstance(statements, Mapping) else statements)
        if "sts:AssumeRole" in _listed(statement.get("Action")) and service in _listed(_services(statement.get("Principal")))
    ]
    return bool(allowed) and all(allowed)


def _services(principal: Any) -> Any:
    return principal.get("Service") if isinstance(principal, Mapping) else None


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


class ScopedEc2:
    """ministack's EC2 in the account and region of whoever asks."""

    def call(self, operation: str, parameters: Mapping[str, str], region: str = "") -> ElementTree.Element:
        """The answer of an operation, without namespaces. Raises ValueError with EC2's message."""
        from ministack.core.responses import get_account_id, get_region

        with request_scope(get_account_id(), region or get_region()):
            ec2._ensure_defaults_initialized()
            status, _, body = ec2._ACTION_MAP[operation]({key: [value] for key, value in parameters.items()})
        answer = _without_namespaces(ElementTree.fromstring(body))
        if status != 200:
            raise ValueError(f"{answer.findtext('.//Message')} (Service: Ec2, Error: {answer.findtext('.//Code')})")
        return answer


def _without_namespaces(root: ElementTree.Element) -> ElementTree.Element:
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root
