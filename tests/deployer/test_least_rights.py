"""The documented rights are enough for a host's whole life: a user who has exactly these plans, makes, changes, resumes and deletes it."""

import io
import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from cyclone_core.aws import permissions as asked
from cyclone_core.aws import storage
from cyclone_core.aws.account import Account
from cyclone_core.infra import bootstrap, permissions
from cyclone_core.infra.plan import Change, Plan
from cyclone_core.infra.targets import Target
from cyclone_core.operations.aws_resources import AwsResources
from cyclone_core.operations.resources import Proposal
from cyclone_core.operations.sandbox import Faults
from cyclone_core.resources import Host
from tests.aws import Sandbox, running, wait_until
from tests.deployer.conftest import HUB, MAIN, Deployed, bootstrapped, plan_of
from tests.deployer.kept_host import ROOT, Kept, everything

SetFaults = Callable[[Faults], None]


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox of its own: plans count an account's networks, of which other tests leave some."""
    with running(tmp_path_factory.mktemp("sandbox")) as made:
        yield made


@pytest.fixture
def real(host: Deployed, account: Account, aws: Sandbox) -> Deployed:
    """A host with the templates of a real one."""
    for region in (MAIN, HUB):
        bootstrapped(aws, region)
    storage.upload(account, MAIN, bootstrap.bucket(host.place.account, MAIN), "code.zip", packed())
    host.templates = Kept()  # type: ignore[assignment]
    return host


def packed() -> bytes:
    """An archive with nothing to run."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("index.py", "def handler(event, context): pass\n")
    return made.getvalue()


def statements(host: Deployed, without: str = "") -> list[dict[str, Any]]:
    """The documented rights of its deployer, but one."""
    found = [statement for policy in permissions.policies(host.host, host.place.account).values() for statement in policy["Statement"]]
    less = [{**each, "Action": [action for action in each["Action"] if action != without]} for each in found]
    return [each for each in less if each["Action"]]


def planned(host: Deployed, desired: Any) -> Proposal:
    """The plan of whoever deploys it, who lacks nothing for it."""
    model = Host.model_validate({"name": host.host, "type": "aws", "account": host.place.account, "region": MAIN})
    found = AwsResources(model, host.account, host.templates).propose(desired)  # type: ignore[arg-type]
    assert found.problems == ()
    assert found.details is None or (found.details.lacking, found.details.unchecked) == ((), "")
    return found


def done(host: Deployed, desired: Any) -> set[str]:
    """How the stacks ended after a plan was made and applied."""
    return set(host.apply(planned(host, desired).plan).values())


DEPLOY = """
import sys
sys.path.append(sys.argv[1])
from cyclone_core.aws.account import Account, Endpoint
from cyclone_core.infra.targets import Place
from tests.deployer.conftest import Deployed
from tests.deployer.kept_host import Kept, everything
account = Account(region="us-east-1", endpoint=Endpoint(*sys.argv[2:5]))
host = Deployed(account, Place(sys.argv[5], "123456789012", "us-east-1"), Kept())
host.reach(everything(host))
"""


def killed_in_the_middle(host: Deployed) -> None:
    """Let another process begin to make it as the same user, and kill that."""
    door = host.account.endpoint
    assert door is not None
    command = [sys.executable, "-c", DEPLOY, str(ROOT), door.url, door.credentials_file, door.profile, host.host]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        wait_until(lambda: process.poll() is not None or ((now := host.stack("host")) and now.in_progress))
        assert process.poll() is None
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()


def test_who_has_exactly_these_rights_does_everything(real: Deployed, as_user: Callable[..., Account], faults: SetFaults) -> None:
    """Two regions with networks and peering, cluster, definition, queue: planned, made after a death, changed, deleted."""
    real.account = as_user(*statements(real))
    wanted = everything(real)
    assert len(planned(real, wanted).plan.changes) == 10
    made_after_a_death(real, faults)
    assert real.recorded() == wanted
    assert not planned(real, wanted).plan
    real.templates = Kept(1)  # type: ignore[assignment]
    assert done(real, wanted) == {"ACTIVE"}, real.text("FAILED")
    changed_after_failures(real, faults)
    changed_after_a_cancellation(real, faults)
    assert done(real, {}) == {"DELETED"}, real.text("FAILED")
    assert real.recorded() == {}


def made_after_a_death(real: Deployed, faults: SetFaults) -> None:
    """What was begun is followed, and the rest is made."""
    faults(Faults(delays={"Jobs": 1.5}))
    killed_in_the_middle(real)
    assert done(real, everything(real)) == {"ACTIVE"}, real.text("FAILED")
    assert "this was begun before (CREATE_IN_PROGRESS" in real.text("LOG")
    faults(Faults())


def changed_after_failures(real: Deployed, faults: SetFaults) -> None:
    """One that is taken back, and one that is stuck on the way back and goes on when the next change comes."""
    real.templates = Kept(2)  # type: ignore[assignment]
    broken = {"HealthSchedule": "no capacity", "JobQueue": "no capacity"}
    faults(Faults(failures=broken, rollback_failures={"DeadLetters": "it is stuck"}))
    assert "FAILED" in done(real, everything(real))
    assert "The update was taken back: it is as before" in real.text("FAILED")
    states = [real.stack(stack).status for stack in ("host", "cluster-default")]
    assert states == ["UPDATE_ROLLBACK_FAILED", "UPDATE_ROLLBACK_COMPLETE"]
    faults(Faults())
    assert done(real, everything(real)) == {"ACTIVE"}, real.text("FAILED")


def changed_after_a_cancellation(real: Deployed, faults: SetFaults) -> None:
    """And after a failure that was kept: both are taken back before."""
    real.templates = Kept(3)  # type: ignore[assignment]
    plan = planned(real, everything(real)).plan
    faults(Faults(delays={"JobQueue": 2.0}))
    one = replace(plan, changes=tuple(change for change in plan.changes if change.region == MAIN))
    ended = real.apply(one, lambda: any(event.part.startswith("JobQueue") for event in real.told))
    assert ended == {"cluster default": "CANCELLED"}
    faults(Faults(failures={"JobQueue": "no capacity"}))
    real.apply(replace(plan, keep_failed=True))
    assert real.stack("cluster-default").status == "UPDATE_FAILED"
    faults(Faults())
    assert done(real, everything(real)) == {"ACTIVE"}, real.text("FAILED")


@pytest.mark.parametrize("action", ["sqs:CreateQueue", "iam:PassRole", "cloudformation:ExecuteChangeSet"])
def test_a_right_that_is_missing_is_named(real: Deployed, as_user: Callable[..., Account], action: str) -> None:
    """By the plan, which asks IAM, and by the deployment, whoever is refused."""
    real.account = as_user(*statements(real, without=action))
    target = next(iter(plan_of(real.place, {}, everything(real)).changes))
    wanted = permissions.needed([Kept().one(Target(real.place, MAIN, "host", real.host, {}))])
    questions = permissions.questions(wanted, real.host, real.place.account, MAIN)
    circumstances = permissions.circumstances(real.host, real.place.account, MAIN)
    assert asked.lacking(real.account, questions, questions, circumstances) == ((action,), "")
    real.apply(Plan((Change("create", target.kind, target.name, (), target.body, None, MAIN),)))
    assert action in real.text("FAILED")
