"""A real host's templates without the CDK: those that the tests of templates keep, with another host's name, in several versions."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cyclone_core.infra.synth import Template
from cyclone_core.infra.targets import Key, Target
from tests.deployer.conftest import HUB, MAIN, Deployed

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "stacks" / "golden"
_CHANGED: dict[str, tuple[str, tuple[Any, ...]]] = {
    "AWS::Batch::ComputeEnvironment": ("ComputeResources.MaxvCpus", (8, 9)),
    "AWS::Batch::JobDefinition": ("Timeout", tuple({"AttemptDurationSeconds": seconds} for seconds in (61, 62))),
    "AWS::Batch::JobQueue": ("Priority", (11, 12, 13)),
    "AWS::CloudWatch::Alarm": ("Threshold", (2, 3)),
    "AWS::Events::Rule": ("ScheduleExpression", ("rate(6 minutes)", "rate(7 minutes)")),
    "AWS::IAM::Role": ("Description", ("one", "two")),
    "AWS::Lambda::EventSourceMapping": ("BatchSize", (7, 8)),
    "AWS::Lambda::Function": ("Timeout", (41, 42)),
    "AWS::Logs::LogGroup": ("RetentionInDays", (60, 90)),
    "AWS::SQS::Queue": ("VisibilityTimeout", (41, 42)),
}
"""Type -> a property that changes in place or, of a job definition, by its next revision, and its values in later versions.

In version 3 nothing can be made anew, not even as far as a change set tells: else a failure is never kept.
"""


class Kept:
    """In place of the synthesizer. version: 0 for the templates as they are kept."""

    def __init__(self, version: int = 0) -> None:
        self.version = version

    def templates(self, wanted: Iterable[Target]) -> dict[Key, Template]:
        """The template of each target."""
        return {target.key: Template(target, self.one(target)) for target in wanted}

    def one(self, target: Target) -> dict[str, Any]:
        """The template of a target."""
        host = target.place.host
        found = _read(_file(f"{target.region}.{target.stack.replace(host, 'grid', 1)}.json"), host)
        for resource in found["Resources"].values():
            if self.version and resource["Type"] in _CHANGED:
                path, values = _CHANGED[resource["Type"]]
                *outer, name = path.split(".")
                properties = resource["Properties"]
                for each in outer:
                    properties = properties[each]
                properties[name] = values[: self.version][-1]
        return found


def everything(host: Deployed) -> dict[str, dict[str, Any]]:
    """What the kept templates are of: two regions with peering, a cluster, a definition, a queue; as their records have it."""
    found: dict[str, dict[str, Any]] = {}
    stacks = {
        "host": "host", "region": "region", "hub-eu-west-1": "region", "cluster-default": "cluster", "definition-default": "definition",
        "queue-default": "queue",
    }  # fmt: skip
    for stack, kind in stacks.items():
        record = _read(_file(f"{MAIN}.grid--{stack}.json"), host.host)["Resources"]["Record"]
        body = json.loads(record["Properties"]["Value"])
        found.setdefault(kind, {})[body["name"]] = body
    assert set(found["region"]) == {MAIN, HUB}
    return found


def _file(name: str) -> Path:
    return next(path for kind in ("peered", "plain") if (path := GOLDEN / kind / name).exists())


def _read(path: Path, host: str) -> dict[str, Any]:
    text = re.sub(r"\bgrid\b", host, path.read_text()).replace("GridDefault", f"{host.capitalize()}Default")
    found: dict[str, Any] = json.loads(text.replace("HASH.zip", "code.zip"))
    if record := found["Resources"].get("Record"):
        body = json.loads(record["Properties"]["Value"])
        if body.get("use_cyclone_image"):  # such images come with a later version
            body |= {"use_cyclone_image": False, "cyclone_image_name": None, "image_uri": "public.ecr.aws/docker/library/python:3.14"}
            record["Properties"]["Value"] = json.dumps(body)
    return found
