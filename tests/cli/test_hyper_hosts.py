"""`hyper hosts`: local hosts are made, selected, stopped and deleted; AWS hosts need credentials."""

import json
import os
from pathlib import Path

import pytest

from cyclone_core import paths
from tests.cli.conftest import Run


def states(run: Run) -> dict[str, tuple[str, bool]]:
    """name -> (state, selected) of all hosts."""
    return {host["name"]: (host["state"], host["selected"]) for host in json.loads(run("hosts", "list-hosts", "--json")[1])}


def test_fresh_home_knows_local(run_hyper: Run) -> None:
    """It is new: listing starts nothing."""
    assert states(run_hyper) == {"local": ("new", True)}
    assert run_hyper("hosts", "status")[:2] == (0, "host local: not running. Start it with: hyper hosts start local\n")


def test_life_of_a_host(run_hyper: Run) -> None:
    """Created (started and selected), stopped, started, deselected, deleted with everything in it."""
    code, out, _ = run_hyper("hosts", "create-host", "--name", "lab", "--type", "local")
    state_dir = paths.host_state_dir("lab")
    assert (code, out) == (0, f"host lab created, started and selected: {state_dir}\n")
    assert states(run_hyper) == {"lab": ("running", True), "local": ("new", False)}
    assert run_hyper("hosts", "stop")[1] == "host lab stopped\n"
    assert run_hyper("hosts", "stop", "lab")[1] == "host lab was not running\n"
    assert run_hyper("hosts", "start")[1].startswith("host lab is running (process ")
    assert run_hyper("hosts", "select-host", "local")[1] == "host local selected\n"
    assert states(run_hyper) == {"lab": ("running", False), "local": ("new", True)}
    assert run_hyper("hosts", "delete-host", "--name", "lab", "--yes")[1] == f"host lab deleted: {state_dir} was removed\n"
    assert states(run_hyper) == {"local": ("new", True)}
    assert not os.path.exists(state_dir)


def test_hosts_have_resources_of_their_own(run_hyper: Run) -> None:
    """--host reaches another one than the selected."""
    run_hyper("hosts", "create-host", "--name", "lab")
    run_hyper("queues", "add-queue", "--name", "fast")
    assert "fast" in run_hyper("queues", "list-queues")[1]
    assert "fast" not in run_hyper("queues", "list-queues", "--host", "local")[1]


def test_status_tells_process_and_workers(run_hyper: Run) -> None:
    """What the supervisor says about itself."""
    run_hyper("hosts", "start")
    details = json.loads(run_hyper("hosts", "status", "--json")[1])["details"]
    os.kill(details["pid"], 0)
    assert {"pid", "version", "epoch", "started", "workers"} <= set(details)
    assert f"  pid        {details['pid']}\n" in run_hyper("hosts", "status")[1]


def test_deleting_a_host_needs_a_yes(run_hyper: Run) -> None:
    """Without a terminal nobody is asked, and nothing is deleted."""
    run_hyper("hosts", "create-host", "--name", "lab")
    code, out, err = run_hyper("hosts", "delete-host", "--name", "lab")
    assert (code, out) == (1, "")
    assert "Add --yes" in err
    assert "lab" in states(run_hyper)


@pytest.mark.parametrize(
    "argv",
    [
        ["create-host", "--name", "x", "--type", "aws"],
        ["create-host", "--name", "x", "--type", "AWS", "--account", "123456789012", "--region", "eu-west-1"],
        ["import-deployment", "--name", "x", "--account", "123456789012", "--region", "eu-west-1"],
    ],
)
@pytest.mark.usefixtures("_nobody")
def test_an_aws_host_needs_credentials(run_hyper: Run, argv: list[str]) -> None:
    """Nothing is made before they were checked; one line says how to get some."""
    code, out, err = run_hyper("hosts", *argv)
    assert (code, out) == (1, "")
    assert err.startswith("hyper: there are no AWS credentials. Set some up: aws configure")
    assert len(err.splitlines()) == 1
    assert states(run_hyper) == {"local": ("new", True)}


@pytest.fixture
def _nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user without any AWS configuration, on a machine without a role."""
    pytest.importorskip("boto3", reason="AWS hosts need the extra aws")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))


def test_aws_options_of_a_local_host_are_refused_at_once(run_hyper: Run) -> None:
    """Whoever meant an AWS host learns how to say so; nothing is made."""
    code, _, err = run_hyper("hosts", "create-host", "--name", "x", "--account", "1", "--vpc", "10.0.0.0/16", "--private-api", "True")
    assert code == 1
    assert [line.split(": ")[1] for line in err.splitlines()] == ["--account", "--vpc", "--private-api"]
    assert "--type aws" in err
    assert states(run_hyper) == {"local": ("new", True)}


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        (["create-host", "--name", "local/x"], "is not a name"),
        (["create-host"], "--name: is needed"),
        (["select-host", "locl"], "Did you mean 'local'?"),
        (["delete-host", "--name", "locl", "--yes"], "Did you mean 'local'?"),
        (["start", "locl"], "Did you mean 'local'?"),
        (["update-host", "--name", "local", "--account", "1"], "needs no AWS account"),
    ],
)
def test_refusals(run_hyper: Run, argv: list[str], text: str) -> None:
    """Exit code 1 and one line that says why."""
    code, out, err = run_hyper("hosts", *argv)
    assert (code, out) == (1, "")
    assert text in err


def test_broken_host_file_harms_no_other(run_hyper: Run) -> None:
    """It is told on stderr, with the remedy; the list goes on."""
    folder = Path(paths.config_dir(), "hosts")
    folder.mkdir(parents=True)
    (folder / "bad.json").write_text("{")
    code, out, err = run_hyper("hosts", "list-hosts")
    assert code == 0
    assert "local" in out
    assert "bad.json is no JSON" in err


def test_host_with_unfinished_jobs_is_kept(run_hyper: Run, tmp_path: Path) -> None:
    """Unless --force says that they may be lost."""
    from cyclone_core.jobs import JobRequest
    from cyclone_core.scheduler.local import client

    run_hyper("hosts", "create-host", "--name", "lab")
    run_hyper("queues", "update-queue", "--name", "default", "--paused")
    request = JobRequest(script=b"#!/bin/bash\ntrue\n", queue="default", definition="default", name="waits", directory=str(tmp_path))
    channel = client.connect(paths.host_state_dir("lab"))
    assert channel.ask(("submit", [request.as_message()]))[0] == "submitted"
    channel.close()
    code, _, err = run_hyper("hosts", "delete-host", "--name", "lab", "--yes")
    assert code == 1
    assert "1 job is not finished" in err
    assert "1 job in it is not finished" in run_hyper("queues", "delete-queue", "--name", "default")[2]
    assert run_hyper("hosts", "delete-host", "--name", "lab", "--yes", "--force")[0] == 0
