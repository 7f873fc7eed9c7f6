"""`hyper workers drain`: workers and machines of an AWS host are asked to leave, and those of a local one are not."""

import json
import time
from collections.abc import Iterator

import pytest

from cyclone_core import connect
from cyclone_core.scheduler.dynamo import keys, machine_items
from cyclone_core.scheduler.dynamo.machine_items import Machine
from tests.aws import Sandbox
from tests.cli.conftest import Run
from tests.far import Far, far_host


@pytest.fixture
def far(aws: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Far]:
    """An AWS host, selected, with a worker and a machine that joined."""
    with far_host(aws, monkeypatch) as found:
        now = int(time.time())
        body = {"region": "us-east-1", "cluster": "big", "definition": "default", "state": "working", "started": now - 60, "seen": now}
        found.host.table.put((keys.worker_part(3), "us-east-1/0a1b"), {"body": json.dumps(body), "expires": now + 300})
        machine_items.write(found.host.table, Machine("big", "lab", "rack", seen=now, started=now))
        yield found


def test_who_was_asked_is_told_and_listed_as_leaving(far: Far, run_hyper: Run) -> None:
    """With what follows from it; a second time they are leaving already. The library does the same."""
    code, out, err = run_hyper("workers", "drain", "0a1b", "--machine", "rack")
    assert (code, out) == (0, "asked 1 worker and 1 machine to leave\n")
    assert "within a minute" in err
    assert "its program is started again" in err
    for what in ("workers", "machines"):
        assert [one["state"] for one in json.loads(run_hyper("workers", f"list-{what}", "--json")[1])] == ["leaving"]
    assert run_hyper("workers", "drain", "--all") == (0, "2 are leaving already\n", "")
    found = json.loads(run_hyper("workers", "drain", "--all", "--region", "lab", "--json")[1])
    assert found == {"workers": [], "machines": [], "joined": [], "before": ["rack"]}
    assert connect().drain(every=True).before == ("0a1b", "rack")
    assert [one.machine.name for one in connect().machines()] == ["rack"]


def test_wrong_names_are_refused_and_wrong_command_lines_are_usage(far: Far, run_hyper: Run) -> None:
    """1 and 2; nobody was asked."""
    code, _, err = run_hyper("workers", "drain", "nope", "0a1b", "--machine", "rock")
    assert (code, [line.split(": ")[1] for line in err.splitlines()]) == (1, ["nope", "rock"])
    assert run_hyper("workers", "drain")[0] == 2
    assert run_hyper("workers", "drain", "--all", "0a1b")[0] == 2
    assert [one["state"] for one in json.loads(run_hyper("workers", "list-workers", "--json")[1])] == ["busy"]


def test_a_local_host_says_what_to_do_instead(run_hyper: Run) -> None:
    """In one line."""
    code, _, err = run_hyper("workers", "drain", "1")
    assert (code, len(err.splitlines())) == (1, 1)
    assert "hyper queues update-queue --name QUEUE --paused" in err
