"""What AWS Batch is told of a definition's container: its image, environment and log, from the definition's body.

Pure. Refused (`problems`) is what Batch, or Docker below it, does not have.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cyclone_core import naming
from cyclone_core.infra.targets import Place
from cyclone_core.problems import Problem
from cyclone_core.scheduler.remote.machine import lane_text

REGION_MARK = "_REGION_"
SHORTEST_S = 60
"""Least timeout of a Batch job (https://docs.aws.amazon.com/batch/latest/APIReference/API_JobTimeout.html)."""
DRIVERS = {
    "AWSLOGS": "awslogs",
    "FLUENTD": "fluentd",
    "GELF": "gelf",
    "JOURNALD": "journald",
    "JSON_FILE": "json-file",
    "SPLUNK": "splunk",
    "SYSLOG": "syslog",
}
"""Log drivers as Batch spells them. LOGENTRIES is in no Docker since version 25, nor in Batch's list."""
_RESERVED = "AWS_BATCH"
"""Batch refuses variables that begin so."""
_REFERENCE = "{{resolve:"
"""There is no way to write it so that CloudFormation leaves it alone."""
_ECR = re.compile(r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/(?P<repository>[^:@]+)(?:[:@].*)?")


@dataclass(frozen=True)
class EcrRepository:
    """A repository of an account's own registry: pulling from it takes rights."""

    account: str
    region: str
    name: str


@dataclass(frozen=True)
class Logging:
    """Where a container's output goes."""

    driver: str
    options: Mapping[str, str]
    group: str = ""
    """the log group that it goes to, "" where it does not go to CloudWatch"""
    region: str = ""
    """that group's"""
    is_ours: bool = False
    """whether the group is the definition's own and comes and goes with it"""


def image(body: Mapping[str, Any], place: Place, region: str) -> str:
    """The image's address in a region."""
    if _uses_uri(body):
        return str(body["image_uri"]).replace(REGION_MARK, region)
    domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return f"{place.account}.dkr.ecr.{region}.{domain}/{naming.repository(place.host)}:{body['cyclone_image_name']}"


def ecr_repository(address: str) -> EcrRepository | None:
    """The repository of an image's address, None when it is in no registry of an AWS account."""
    found = _ECR.fullmatch(address)
    return EcrRepository(found["account"], found["region"], found["repository"]) if found else None


def environment(body: Mapping[str, Any], place: Place, region: str) -> dict[str, str]:
    """The worker's variables: the user's, and above them those that tell it where it is."""
    own = {
        "CYCLONE_HOST": place.host,
        "CYCLONE_REGION": region,
        "CYCLONE_MAIN_REGION": place.main_region,
        "CYCLONE_ACCOUNT": place.account,
        "CYCLONE_DEFINITION": str(body["name"]),
        "CYCLONE_LANE": lane_text(body),
    }
    return dict(sorted({**body.get("environment", {}), **own}.items()))


def logging(body: Mapping[str, Any], host: str, region: str) -> Logging:
    """By the definition's log driver; CloudWatch when it names none."""
    options = dict(body.get("log_options", {}))
    driver = DRIVERS[body.get("log_driver") or "AWSLOGS"]
    if driver != "awslogs":
        return Logging(driver, options)
    own = naming.log_group(host, str(body["name"]))
    stream = {"awslogs-stream-prefix": naming.slug(str(body["name"]))}
    options = {"awslogs-group": own, "awslogs-region": region, **stream, **options}
    group, where = options["awslogs-group"], options["awslogs-region"]
    return Logging(driver, options, group, where, (group, where) == (own, region))


def timeout_s(body: Mapping[str, Any]) -> int | None:
    """So long a worker may live, s; None for no limit."""
    minutes = body.get("timeout_minutes") or 0
    return max(SHORTEST_S, math.ceil(minutes * 60)) if minutes else None


def problems(body: Mapping[str, Any], path: str) -> Iterator[Problem]:
    """What AWS Batch, or Docker, would not make of a definition's container. path: what the definition is called."""
    if body.get("log_driver") and body["log_driver"] not in DRIVERS:
        message = f"{body['log_driver']} is in no Docker since version 25, so AWS Batch cannot use it"
        yield Problem(f"{path}.log_driver", message, f"Use {', '.join(sorted(DRIVERS))}")
    for name, value in (body.get("environment") or {}).items():
        if name.startswith(_RESERVED):
            message = f"the variable {name} cannot be set: AWS Batch keeps names beginning with {_RESERVED} to itself"
            yield Problem(f"{path}.environment", message, "Rename it")
        if _REFERENCE in value:
            message = f"{name} has {_REFERENCE} in it, which CloudFormation would replace by what it refers to"
            yield Problem(f"{path}.environment", message, "Let tasks read the value themselves, or write it otherwise")
    for mount in body.get("mount_points") or ():
        if not mount["container_path"].startswith("/"):
            yield Problem(f"{path}.mount_points", f"{mount['container_path']!r} is no absolute path", "Write it from / on")


def _uses_uri(body: Mapping[str, Any]) -> bool:
    return bool(body.get("image_uri")) and not (body.get("cyclone_image_name") and body.get("use_cyclone_image", True))
