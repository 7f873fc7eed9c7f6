"""What the deployer's tests share: a sandbox, hosts with small made-up templates, and a deployer of them.

Templates are made in place of the CDK's, so that tests are about the deployer only: the same stacks, a few cheap resources each. Each host
has a name of its own, so that tests can run in any order on one sandbox.
"""

import itertools
import json
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("boto3", reason="the deployer's tests need the extra test")

from botocore.exceptions import ClientError

from cyclone_core import naming
from cyclone_core.aws import records
from cyclone_core.aws.account import Account
from cyclone_core.aws.client import Patience
from cyclone_core.aws.stacks import Stacks
from cyclone_core.infra import bootstrap
from cyclone_core.infra.containers import Stop, never
from cyclone_core.infra.events import Event
from cyclone_core.infra.plan import Bodies, Change, Plan
from cyclone_core.infra.stack_deployer import StackDeployer
from cyclone_core.infra.synth import Template
from cyclone_core.infra.targets import Key, Place, Target, targets
from cyclone_core.sandbox.settings import ACCOUNT
from tests.aws import Sandbox, credentials_file, wait_until

__all__ = ["Sandbox", "wait_until"]
MAIN, HUB = "us-east-1", "eu-west-1"
PATIENCE = Patience(connect_s=2.0, read_s=5.0, attempts=2)
_NAMES = (f"h{number}" for number in itertools.count(1))
Make = Callable[[Target], dict[str, Any]]


def resource(kind: str, **properties: Any) -> dict[str, Any]:
    """A resource of a template."""
    return {"Type": f"AWS::{kind}", "Properties": properties}


def made(target: Target) -> dict[str, Any]:
    """The resources of a target: its record, a queue, and what its body says under `extra`."""
    body = target.properties.get("body", {})
    name = naming.record(target.place.host, {"hub": "region"}.get(target.kind, target.kind), target.name)
    found = {"Messages": resource("SQS::Queue", VisibilityTimeout=body.get("timeout", 30))}
    if target.properties.get("record"):
        found["Record"] = resource("SSM::Parameter", Type="String", Name=name, Value=json.dumps(body))
    return {**found, **body.get("extra", {}), **body.get("extra_in", {}).get(target.region, {})}


class Templates:
    """In place of the synthesizer."""

    def __init__(self, make: Make = made) -> None:
        self._make = make

    def templates(self, wanted: Iterable[Target]) -> dict[Key, Template]:
        """A template for each target."""
        return {target.key: Template(target, {"Resources": self._make(target)}) for target in wanted}


@dataclass
class Deployed:
    """A host on the sandbox, and what was told while it was changed."""

    account: Account
    place: Place
    templates: Templates
    patience_s: float = 20.0
    told: list[Event] = field(default_factory=list)

    @property
    def host(self) -> str:
        """Its name."""
        return self.place.host

    def recorded(self) -> Bodies:
        """What it has."""
        return records.read(self.account, self.place.main_region, self.host).bodies

    def deployer(self) -> StackDeployer:
        """A deployer of it."""
        return StackDeployer(self.account, self.place, self.templates, self.recorded, patience_s=self.patience_s)

    def apply(self, plan: Plan, stop: Stop = never) -> dict[str, str]:
        """Apply a plan; how each stack ended, by `stack` or, elsewhere than in the main region, `stack region`."""
        self.told = []
        for event in self.deployer().apply(plan, stop):
            self.told.append(event)
        return ends(self.place, self.told)

    def reach(self, desired: Bodies, keep_failed: bool = False) -> dict[str, str]:
        """Apply what leads to these resources, whatever is there: every stack is named."""
        return self.apply(replace(plan_of(self.place, self.recorded(), desired), keep_failed=keep_failed))

    def stack(self, name: str, region: str = MAIN) -> Any:
        """A stack as it is; name without the host's."""
        return Stacks(self.account, region).get(f"{self.host}--{name}")

    def text(self, phase: str) -> str:
        """What was said with a phase of a whole stack."""
        return "\n".join(event.text for event in self.told if event.phase == phase and not event.part)

    def change_sets(self, name: str, region: str = MAIN) -> list[str]:
        """Names of a stack's change sets, as far as CloudFormation keeps them."""
        found = self.raw(region).list_change_sets(StackName=f"{self.host}--{name}")["Summaries"]
        return sorted(entry["ChangeSetName"] for entry in found)

    def raw(self, region: str = MAIN) -> Any:
        """AWS's own client of CloudFormation."""
        return self.account.client("cloudformation", region)._client


def ends(place: Place, told: Iterable[Event]) -> dict[str, str]:
    """The last phase of each whole stack."""
    found: dict[str, str] = {}
    for event in told:
        if not event.part:
            key = f"{event.kind} {event.name}" + (f" {event.region}" if event.region != place.main_region else "")
            found[key] = event.phase
    return found


def plan_of(place: Place, before: Bodies, after: Bodies) -> Plan:
    """A change of every stack that there is or should be."""
    old, new = ({target.key: target for target in targets(place, bodies)} for bodies in (before, after))
    puts = [_change(target, "change" if key in old else "create") for key, target in new.items()]
    return Plan((*puts, *(_change(target, "delete") for key, target in old.items() if key not in new)))


def _change(target: Target, action: Any) -> Change:
    body = target.properties.get("body")
    gone = action == "delete"
    return Change(action, target.kind, target.name, (), None if gone else body, body if gone else None, target.region)


def bodies(**kinds: Any) -> dict[str, dict[str, Mapping[str, Any]]]:
    """Bodies by kind and name, from one of each kind or several."""
    return {kind: {str(body["name"]): body for body in ([found] if isinstance(found, Mapping) else found)} for kind, found in kinds.items()}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With a test that fails goes what failed in its last deployment: assertions say how it ended, and not why."""
    report = yield
    host = getattr(item, "funcargs", {}).get("host")
    if report.failed and isinstance(host, Deployed):
        failed = [f"{event.kind} {event.name} {event.part}: {event.text}" for event in host.told if event.phase == "FAILED"]
        report.sections.append(("What failed in the deployment", "\n".join(failed) or "Nothing."))
    return report


@pytest.fixture
def account(aws: Sandbox) -> Account:
    """The sandbox's account, as its root."""
    return aws.account(MAIN, patience=PATIENCE)


@pytest.fixture
def host(account: Account) -> Deployed:
    """A host that is not there yet."""
    place = Place(next(_NAMES), ACCOUNT, MAIN)
    return Deployed(account, place, Templates())


def alone(host: Deployed, **more: Any) -> dict[str, dict[str, Mapping[str, Any]]]:
    """A host of one stack."""
    return bodies(host={"name": host.host, **more})


@pytest.fixture
def as_user(aws: Sandbox, tmp_path: Path) -> Callable[..., Account]:
    """Makes accounts of users with a policy: `as_user(*statements)`."""
    numbers = itertools.count(1)

    def make(*statements: Mapping[str, Any]) -> Account:
        path = credentials_file(tmp_path / f"credentials-{next(numbers)}", aws.user(*({"Resource": "*", **each} for each in statements)))
        return Account(region=MAIN, endpoint=aws.door(path), patience=PATIENCE)

    return make


def bootstrapped(aws: Sandbox, region: str) -> None:
    """Make the bucket of assets, as if somebody had run `cdk bootstrap`."""
    where = {} if region == MAIN else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    with suppress(ClientError):  # it is there already
        aws.client("s3", region).create_bucket(Bucket=bootstrap.bucket(ACCOUNT, region), **where)
