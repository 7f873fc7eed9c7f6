"""A worker does everything with the rights that its definition's stack gives it, and needs each of their kinds."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from cyclone_core.scheduler.dynamo import keys
from cyclone_core.scheduler.packing import pack_objects
from tests.remote.host import Host

TEMPLATE = Path(__file__).resolve().parents[1] / "stacks/golden/plain/us-east-1.grid--definition-default.json"


def _statements(host: Host) -> list[dict[str, Any]]:
    """The policy of the job role in the template, for this host."""
    text = TEMPLATE.read_text().replace("grid--", f"{host.name}--")
    role = json.loads(text)["Resources"]["JobRole"]["Properties"]
    return [statement for policy in role["Policies"] for statement in policy["PolicyDocument"]["Statement"]]


def _credentials(host: Host, *statements: dict[str, Any]) -> dict[str, str]:
    given = host.sandbox.user(*statements)
    return {"AWS_ACCESS_KEY_ID": given["aws_access_key_id"], "AWS_SECRET_ACCESS_KEY": given["aws_secret_access_key"]}


def test_the_rights_of_the_job_role_are_enough(host: Host, tmp_path: Path) -> None:
    """Large scripts and outputs, parameters, retries, a split, a cancellation, and leaving."""
    pack_objects([{"VALUE": number} for number in range(3)], str(tmp_path / "packed"))
    noise = "".join(f"# {(number * 7919) ** 3:x}\n" for number in range(4000))
    jobs = [
        host.submit("head -c 100000 /dev/urandom"),
        host.submit(noise + "echo VALUE", parameters=str(tmp_path / "packed"), tasks=3, size=3),
        host.submit("head -c 5000 /dev/urandom; test $CYCLONE_ATTEMPT = 2", retries=1),
        host.submit("test $CYCLONE_TASK_INDEX != 1 || sleep 2", indices=(1, 60, 1), tasks=60, size=60),
    ]
    worker = host.worker(**_credentials(host, *_statements(host)), CYCLONE_LEASE_S="8", CYCLONE_IDLE_S="4")
    for job in jobs:
        assert host.over(job)[1:] == [0, 0, 0], host.reasons(job)
    assert len(host.units(jobs[-1])) > 2
    long = host.submit("sleep 300")
    host.until(lambda: host.item(long)["s"] == keys.LEASED, "it runs")
    host.store.cancel(long, None, int(time.time() * 1000))
    assert host.over(long) == [0, 0, 1, 0]
    assert worker.ends() == 0
    assert "not authorized" not in worker.said()
    assert host.worker_items() == []


@pytest.mark.parametrize("service", ["sqs", "dynamodb", "s3"])
def test_without_a_kind_of_rights_nothing_is_lost(host: Host, service: str) -> None:
    """The job goes on waiting, and the worker's log says which right is missing."""
    left = [statement for statement in _statements(host) if not str(statement["Action"]).startswith((service, f"['{service}"))]
    worker = host.worker(**_credentials(host, *left), CYCLONE_LEASE_S="4")
    job = host.submit("head -c 5000 /dev/urandom")
    host.until(lambda: f"{service}:" in worker.said(), "it says what is missing")
    assert host.counts(job)[2:] == [0, 0, 0, 0]
