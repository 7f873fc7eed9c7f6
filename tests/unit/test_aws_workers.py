"""Workers of an AWS host as their own words tell of them."""

import json
from typing import Any

from cyclone_core.operations.aws_workers import SILENT_S, view
from cyclone_core.operations.workers import WorkerView, cpu_percent


def told(now: float = 1020.0, **words: Any) -> WorkerView:
    """A worker that said this at 1000 + some seconds."""
    body = {
        "region": "eu-west-1", "cluster": "big", "definition": "sim", "instance": "i-0abc", "started": 1000, "seen": 1010,
        "state": "working", "task": "12--3", "done": 7, "cpu": 0.75, "memory_mib": 300, **words,
    }  # fmt: skip
    return view({"pk": "W#1", "sk": "eu-west-1/0a1b:2", "body": json.dumps(body)}, now)


def test_what_a_worker_says() -> None:
    """Place, task, CPU, memory."""
    one = told()
    assert (one.id, one.region, one.cluster, one.definition, one.instance) == ("0a1b:2", "eu-west-1", "big", "sim", "i-0abc")
    assert (one.state, [task.id for task in one.tasks], one.jobs, one.done, one.memory_mib) == ("busy", ["12--3"], (12,), 7, 300)
    assert cpu_percent(None, one) == 75


def test_a_worker_that_has_just_started() -> None:
    """Its first word is said before it looks for work."""
    assert told(state="idle", task="", seen=1001).state == "starting"
    assert told(state="idle", task="", seen=1070).state == "idle"


def test_a_worker_that_is_silent() -> None:
    """It is told as gone before its item is."""
    assert told(now=1010 + SILENT_S + 1).state == "gone"


def test_a_worker_that_was_asked_to_leave() -> None:
    """It is shown at once, before it has heard so; one that is silent is still told as gone."""
    item = {"pk": "W#1", "sk": "eu-west-1/0a1b:2", "leave": 1, "body": json.dumps({"started": 1000, "seen": 1010, "state": "working"})}
    assert (view(item, 1020.0).state, view(item, 1011 + SILENT_S).state) == ("leaving", "gone")
