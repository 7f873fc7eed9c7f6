"""AWS around the stacks on a bad day: rights, credentials, regions, throttling, others who deploy, and a death in the middle."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from cyclone_core.aws.account import Account
from cyclone_core.aws.client import Patience
from cyclone_core.operations.sandbox import Faults, RequestFault
from tests.aws import Sandbox, wait_until
from tests.deployer.conftest import HUB, MAIN, Deployed, alone, bodies, plan_of, resource

SetFaults = Callable[[Faults], None]
SLOW = {"Topic": {**resource("SNS::Topic"), "DependsOn": ["Messages"]}, "Last": {**resource("SNS::Topic"), "DependsOn": ["Topic"]}}


def two_regions(host: Deployed) -> dict[str, Any]:
    """A cluster in two regions."""
    region = [{"name": MAIN, "cidr": "10.0.0.0/16"}, {"name": HUB, "cidr": "10.1.0.0/16"}]
    return bodies(host={"name": host.host}, region=region, cluster={"name": "big"})


def after(seconds: float, do: Callable[[], object]) -> None:
    """Do something later."""
    threading.Timer(seconds, do).start()


def test_credentials_that_expire_in_the_middle(host: Deployed, faults: SetFaults) -> None:
    """The reason says that AWS goes on, how to renew them, and what then; the next run finds what AWS made meanwhile."""
    slow = {"Topic": 1.5}
    faults(Faults(delays=slow))
    expired = RequestFault("cloudformation", code="ExpiredToken", status=403)

    def expire() -> bool:
        """Once a resource is being made."""
        if any(event.part.startswith("Topic") for event in host.told) and not any(event.phase == "FAILED" for event in host.told):
            faults(Faults(delays=slow, requests=[expired]))
        return False

    assert set(host.apply(plan_of(host.place, {}, alone(host, extra=SLOW)), expire).values()) == {"FAILED"}
    text = host.text("FAILED")
    assert "have expired" in text
    assert "goes on on AWS by itself; afterwards do the rest: hyper deployments retry" in text
    faults(Faults())
    assert set(host.reach(alone(host, extra=SLOW)).values()) == {"ACTIVE"}


def test_the_action_that_is_not_allowed_is_named(host: Deployed, as_user: Callable[..., Account]) -> None:
    """Of the deployer itself, and of what a stack does in its name."""
    allowed = {"Action": ["cloudformation:*", "ssm:*", "sts:*", "s3:*"]}
    host.account = as_user(allowed)
    assert set(host.reach(alone(host)).values()) == {"FAILED"}
    assert "Messages (AWS::SQS::Queue)" in host.text("FAILED")
    assert "Have sqs:CreateQueue allowed (docs/aws-permissions.md lists what Cyclone needs)" in host.text("FAILED")
    host.account = as_user(allowed, {"Effect": "Deny", "Action": "cloudformation:CreateChangeSet"})
    assert set(host.reach(alone(host)).values()) == {"FAILED"}
    assert "may not cloudformation:CreateChangeSet" in host.text("FAILED")


def test_a_region_that_is_not_enabled_fails_alone(host: Deployed, faults: SetFaults) -> None:
    """Its stacks fail or are not begun, with the command that enables it; the others go on, and the next run does the rest."""
    faults(Faults(requests=[RequestFault("cloudformation", region=HUB, code="OptInRequired", status=403)]))
    ended = host.reach(two_regions(host))
    assert (ended[f"region {HUB} {HUB}"], ended[f"cluster big {HUB}"], ended["cluster big"]) == ("FAILED", "LOG", "ACTIVE")
    assert f"aws account enable-region --region-name {HUB}" in host.text("FAILED")
    faults(Faults())
    assert set(host.reach(two_regions(host)).values()) == {"ACTIVE"}


def test_a_region_that_does_not_answer_fails_alone(host: Deployed, aws: Sandbox, faults: SetFaults) -> None:
    """The others do not wait for it."""
    host.account = aws.account(MAIN, patience=Patience(connect_s=0.5, read_s=0.5, attempts=1))
    faults(Faults(requests=[RequestFault("cloudformation", region=HUB, delay_s=2.0)]))
    ended = host.reach(two_regions(host))
    assert (ended[f"region {HUB} {HUB}"], ended["cluster big"]) == ("FAILED", "ACTIVE")
    assert f"does not answer for cloudformation in {HUB}" in host.text("FAILED")
    times = {event.kind: event.at for event in host.told if event.region == MAIN and event.phase == "ACTIVE" and not event.part}
    failed = next(event for event in host.told if event.phase == "FAILED")
    assert times["region"] < failed.at


def test_throttling_is_outlasted(host: Deployed, faults: SetFaults) -> None:
    """Nothing of it is seen but time (the same with thirty seconds, which is the patience that requests have)."""
    faults(Faults(requests=[RequestFault("cloudformation", code="Throttling")]))
    after(2.5, lambda: faults(Faults()))
    assert set(host.reach(alone(host)).values()) == {"ACTIVE"}
    assert [event for event in host.told if event.level != "info"] == []


def test_two_deployers_of_the_same(host: Deployed, faults: SetFaults) -> None:
    """One begins, the other one recognises that it is what it wants too, and follows; both tell that all is well."""
    faults(Faults(delays={"Topic": 0.3}))
    other = replace(host, told=[])
    wanted = alone(host, extra=SLOW)
    thread = threading.Thread(target=lambda: other.reach(wanted))
    thread.start()
    ended = host.reach(wanted)
    thread.join()
    assert other.text("FAILED") == ""
    assert set(ended.values()) == {event.phase for event in other.told[-1:]} == {"ACTIVE"}


def test_somebody_elses_operation_is_waited_for(host: Deployed, faults: SetFaults) -> None:
    """Then what is wanted is made on top of it."""
    host.reach(alone(host))
    faults(Faults(delays={"Messages": 1.5}))
    stack = host.stack("host")
    template = host.raw().get_template(StackName=stack.name)["TemplateBody"]
    template["Resources"]["Messages"]["Properties"]["VisibilityTimeout"] = 99
    tags = [{"Key": key, "Value": value} for key, value in stack.tags.items()]
    host.raw().update_stack(StackName=stack.name, TemplateBody=json.dumps(template), Tags=tags)
    wait_until(lambda: host.stack("host").in_progress)
    assert set(host.reach(alone(host, timeout=60)).values()) == {"ACTIVE"}
    assert "somebody else is changing this stack (UPDATE_IN_PROGRESS" in host.text("LOG")
    now = host.raw().get_template(StackName=stack.name)["TemplateBody"]
    assert now["Resources"]["Messages"]["Properties"]["VisibilityTimeout"] == 60


def test_somebody_elses_operation_is_not_waited_for_for_ever(host: Deployed, faults: SetFaults) -> None:
    """After the deployer's patience it is said, and nothing was done."""
    host.patience_s = 0.5
    faults(Faults(delays={"Messages": 2.0}))
    template = '{"Resources": {"Messages": {"Type": "AWS::SQS::Queue"}}}'
    tags = [{"Key": f"cyclone:{key}", "Value": value} for key, value in (("host", host.host), ("kind", "host"), ("name", host.host))]
    host.raw().create_stack(StackName=f"{host.host}--host", TemplateBody=template, Tags=tags)
    wait_until(lambda: host.stack("host").in_progress)
    assert set(host.reach(alone(host)).values()) == {"FAILED"}
    assert "somebody else has been changing this stack for more than" in host.text("FAILED")
    wait_until(lambda: not host.stack("host").in_progress)


DEPLOY = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from cyclone_core.aws.account import Account, Endpoint
from cyclone_core.infra.targets import Place
from tests.deployer.conftest import Deployed, Templates, alone
from tests.deployer.test_surroundings import SLOW
endpoint = Endpoint(sys.argv[2], sys.argv[3], sys.argv[4])
host = Deployed(Account(region="us-east-1", endpoint=endpoint), Place(sys.argv[5], "123456789012", "us-east-1"), Templates())
host.reach(alone(host, extra=SLOW, timeout=int(sys.argv[6])))
"""
ROOT = str(Path(__file__).resolve().parents[2])


def killed_in_the_middle(host: Deployed, aws: Sandbox, is_time: Callable[[], bool], timeout: int = 30) -> None:
    """Let another process deploy, and kill it."""
    door = aws.door()
    command = [sys.executable, "-c", DEPLOY, ROOT, door.url, door.credentials_file, door.profile, host.host, str(timeout)]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        wait_until(is_time)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()


def test_after_a_death_a_creation_is_followed_to_its_end(host: Deployed, aws: Sandbox, faults: SetFaults) -> None:
    """It is recognised as what is wanted, and nothing is begun again: each resource is made once."""
    faults(Faults(delays={"Topic": 1.5}))
    killed_in_the_middle(host, aws, lambda: host.stack("host") and host.stack("host").in_progress)
    before = host.stack("host")
    assert before.status == "CREATE_IN_PROGRESS"
    assert set(host.reach(alone(host, extra=SLOW, timeout=30)).values()) == {"ACTIVE"}
    assert "this was begun before (CREATE_IN_PROGRESS" in host.text("LOG")
    assert host.stack("host").id == before.id
    assert len([event for event in host.told if event.part.startswith("Topic") and event.phase == "ACTIVE"]) == 1


def test_after_a_death_something_else_may_be_wanted(host: Deployed, aws: Sandbox, faults: SetFaults) -> None:
    """What is under way ends first, then what is wanted now is made of it."""
    faults(Faults(delays={"Topic": 1.0}))
    killed_in_the_middle(host, aws, lambda: host.stack("host") and host.stack("host").in_progress, timeout=99)
    assert set(host.reach(alone(host, extra=SLOW)).values()) == {"ACTIVE"}
    assert host.recorded() == alone(host, extra=SLOW)


def test_after_a_death_between_two_requests(host: Deployed, aws: Sandbox, faults: SetFaults) -> None:
    """A change set was asked for and not executed: the stack is empty, and is made."""
    faults(Faults(requests=[RequestFault("cloudformation", delay_s=0.3)]))
    killed_in_the_middle(host, aws, lambda: host.stack("host") and host.stack("host").is_empty)
    time.sleep(0.5)  # what was sent is answered
    faults(Faults())
    assert set(host.reach(alone(host, extra=SLOW)).values()) == {"ACTIVE"}


def test_who_listens_may_leave(host: Deployed, faults: SetFaults) -> None:
    """AWS goes on; nothing is ended."""
    faults(Faults(delays={"Topic": 0.5}))
    events = host.deployer().apply(plan_of(host.place, {}, alone(host, extra=SLOW)))
    while next(events).part == "":
        pass
    events.close()
    assert host.stack("host").in_progress
    wait_until(lambda: host.stack("host").status == "CREATE_COMPLETE")
