"""`hyper deployments`: the record of what `hyper` did, and the ways on from it."""

import json
import re
import threading
from pathlib import Path

import pytest

from cyclone_core.operations import deployments, hosts
from tests.cli.conftest import Run
from tests.deploying import Docker, start_image, wait_for


def add_queue(run: Run, name: str = "fast") -> None:
    """One change, and so one deployment."""
    assert run("queues", "add-queue", "--name", name, "--priority", "5")[0] == 0


def test_nothing_was_deployed_yet(run_hyper: Run) -> None:
    """An empty list is no error, and a number that is not there is one."""
    assert json.loads(run_hyper("deployments", "list", "--json")[1]) == []
    code, out, err = run_hyper("deployments", "show", "1")
    assert (code, out) == (1, "")
    assert err == "hyper: there is no deployment 1. See them with: hyper deployments list\n"


def test_changes_are_listed_with_the_command_that_asked(run_hyper: Run) -> None:
    """Newest first, also as JSON."""
    add_queue(run_hyper)
    add_queue(run_hyper, "slow")
    newest, first = json.loads(run_hyper("deployments", "list", "--json")[1])
    assert (newest["number"], newest["what"], newest["state"]) == (2, "create queue slow", "SUCCEEDED")
    assert first["command"] == "hyper queues add-queue --name fast --priority 5"
    _, out, _ = run_hyper("deployments", "list", "--limit", "1")
    assert re.fullmatch(r"NUMBER  WHAT +STATE +STARTED +TOOK  BY\n +2  create queue slow  SUCCEEDED  .*\n", out), out


def test_shown_with_its_events(run_hyper: Run) -> None:
    """Everything that happened, and how it ended."""
    add_queue(run_hyper)
    _, out, _ = run_hyper("deployments", "show", "1")
    assert [line[10:] for line in out.splitlines()[2:4]] == ["queue fast  CREATING", "queue fast  ACTIVE"]
    assert out.splitlines()[4].startswith("SUCCEEDED after ")
    found = json.loads(run_hyper("deployments", "show", "1", "--json")[1])
    assert [event["phase"] for event in found["events"]] == ["CREATING", "ACTIVE"]


def test_followed_as_lines_of_json(run_hyper: Run) -> None:
    """A line per event, the last line is the deployment."""
    add_queue(run_hyper)
    *events, last = map(json.loads, run_hyper("deployments", "attach", "1", "--json")[1].splitlines())
    assert [event["phase"] for event in events] == ["CREATING", "ACTIVE"]
    assert last["state"] == "SUCCEEDED"


def test_rolled_back(run_hyper: Run) -> None:
    """The plan first, if asked for; then as a deployment of its own."""
    add_queue(run_hyper)
    assert run_hyper("deployments", "roll-back", "1", "--plan")[:2] == (0, "delete queue fast\n")
    code, out, _ = run_hyper("deployments", "roll-back", "1")
    assert (code, out.splitlines()[0]) == (0, "deployment 2: roll back of deployment 1")
    assert [found["state"] for found in json.loads(run_hyper("deployments", "list", "--json")[1])] == ["SUCCEEDED", "ROLLED_BACK"]
    assert [found["name"] for found in json.loads(run_hyper("queues", "list-queues", "--json")[1])] == ["default"]


def test_what_is_over_cannot_be_cancelled(run_hyper: Run) -> None:
    """And it is said what can be done."""
    add_queue(run_hyper)
    _, _, err = run_hyper("deployments", "cancel", "1")
    assert err.endswith("it is over (SUCCEEDED). To take it back: hyper deployments roll-back 1\n")


def test_failure_names_the_ways_on(run_hyper: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 1, and retry does the rest once the cause is gone."""
    docker = Docker(tmp_path / "engine")
    monkeypatch.setenv("PATH", f"{docker.directory}:/usr/bin:/bin")
    docker.break_()
    docker.go()
    _, begun = start_image(docker)
    code, _, err = run_hyper("deployments", "attach", str(begun.number))
    assert code == 1
    assert "is FAILED: docker build failed: step two. Do the rest: hyper deployments retry 1, go back: hyper deployments roll-back 1" in err
    docker.mend()
    assert run_hyper("deployments", "retry", "1")[0] == 0
    assert json.loads(run_hyper("images", "list-images", "--json")[1])[0]["state"] == "ACTIVE"


@pytest.mark.parametrize("argv", [("show", "x"), ("show",), ("list", "--limit", "many"), ("nope",)])
def test_mistyped_command_lines_are_usage_errors(run_hyper: Run, argv: tuple[str, ...]) -> None:
    """Exit code 2 and one line."""
    code, out, err = run_hyper("deployments", *argv)
    assert (code, out, len(err.splitlines())) == (2, "", 1)


def test_build_that_somebody_else_cancels_is_not_called_done(run_hyper: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`hyper` builds in its own process, and is cancelled from another one."""
    docker = Docker(tmp_path / "engine")
    monkeypatch.setenv("PATH", f"{docker.directory}:/usr/bin:/bin")
    other = threading.Thread(target=cancel_first)
    other.start()
    code, out, err = run_hyper("images", "add-image", "--name", "base", "--local-build-directory", str(docker.directory))
    other.join()
    assert (code, out) == (1, "")
    assert "not everything was done: it was cancelled" in err


def cancel_first() -> None:
    """Cancel deployment 1 once it builds."""
    host = hosts.get()
    wait_for(lambda: any(event.phase == "LOG" for event in deployments.read_events(host, 1)[0]), "the build begins")
    deployments.cancel(host, 1)
