"""`hyper` against a real local host: changes, lists, plans and refusals, without a terminal."""

import json
import os
import re
from pathlib import Path

import pytest

from tests.cli.conftest import Run

GOLDEN = Path(__file__).parent / "golden" / "hyper"


def check(path: str, text: str) -> None:
    """Compare with a golden file, machine-dependent numbers and times left out."""
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME", text)
    if os.environ.get("CYCLONE_WRITE_GOLDEN"):
        (GOLDEN / path).write_text(text, encoding="utf-8")
    assert text == (GOLDEN / path).read_text(encoding="utf-8")


def refused(run: Run, *argv: str) -> str:
    """stderr of a command that must be refused, with nothing on stdout."""
    code, out, err = run(*argv)
    assert (code, out) == (1, "")
    assert all(line.startswith("hyper: ") for line in err.splitlines())
    return err


def test_fresh_home_has_the_defaults(run_hyper: Run) -> None:
    """The first command makes the host `local` with everything that a job needs."""
    for kind in ("clusters", "queues", "definitions"):
        code, out, _ = run_hyper(kind, f"list-{kind}", "--json")
        assert code == 0
        assert [(found["name"], found["state"]) for found in json.loads(out)] == [("default", "ACTIVE")]


def test_life_of_a_queue(run_hyper: Run) -> None:
    """Added, changed by both spellings of a switch, moved, listed, deleted."""
    assert run_hyper("clusters", "add-cluster", "--name", "big", "--max-vCPUs", "3", "--max-memory-mib", "2000") == (
        0,
        "cluster big created\n",
        "",
    )
    assert run_hyper("queues", "add-queue", "--name", "fast", "--compute-environment", "default", "--priority", "5")[:2] == (
        0,
        "queue fast created\n",
    )
    assert run_hyper("queues", "update-queue", "--name", "fast", "--paused", "True", "--cluster", "big")[1] == "queue fast updated\n"
    check("table-queues.txt", run_hyper("queues", "list-queues")[1])
    assert run_hyper("queues", "update-queue", "--name", "fast", "--no-paused")[1] == "queue fast updated\n"
    assert run_hyper("queues", "update-queue", "--name", "fast", "--paused", "False")[1] == "no change: everything is as asked\n"
    assert "1 queue still uses it: fast" in refused(run_hyper, "clusters", "delete-cluster", "--name", "big")
    assert run_hyper("queues", "delete-queue", "--name", "fast")[1] == "queue fast deleted\n"
    assert run_hyper("clusters", "delete-cluster", "--name", "big")[1] == "cluster big deleted\n"


def test_definition_keeps_what_an_update_does_not_name(run_hyper: Run) -> None:
    """Old spellings in, one JSON object out."""
    run_hyper("definitions", "add-definition", "--name", "d", "--environment", '{"A": 1}', "--timeout_minutes", "3", "--vcpus", "1")
    run_hyper("definitions", "update-definition", "--name", "d", "--memory-limit-mib", "100", "--working-directory", "WORKER")
    _, out, _ = run_hyper("definitions", "list-definitions", "--name", "d", "--json")
    (found,) = json.loads(out)
    expected = {"environment": {"A": "1"}, "timeout_minutes": 3, "memory_limit_mib": 100, "working_directory": "worker", "vcpus": 1}
    assert {key: found[key] for key in expected} == expected
    check("details-definition.txt", run_hyper("definitions", "list-definitions", "--name", "d")[1])


def test_plan_changes_nothing(run_hyper: Run) -> None:
    """`--plan` shows what would happen, as text and as JSON."""
    code, out, _ = run_hyper("queues", "add-queue", "--name", "fast", "--priority", "5", "--plan")
    assert (code, out) == (0, "create queue fast\n  cluster   default\n  priority  5\n  paused    no\n")
    _, out, _ = run_hyper("queues", "update-queue", "--name", "default", "--priority", "5", "--plan", "--json")
    assert json.loads(out)["plan"][0]["fields"] == [{"field": "priority", "before": 0, "after": 5}]
    assert [found["name"] for found in json.loads(run_hyper("queues", "list-queues", "--json")[1])] == ["default"]


def test_everything_wrong_is_told_at_once(run_hyper: Run) -> None:
    """AWS options with their reason, bad values, missing references: one line each, nothing stored."""
    err = refused(run_hyper, "queues", "add-queue", "--compute-environment", "defalt", "--priority", "2000", "-rw", "us-east-1", "3")
    check("refusal-queue.txt", err)


def test_aws_options_of_a_cluster_are_refused_with_the_reason(run_hyper: Run) -> None:
    """Each option of the earlier system is known, and says why it means nothing here."""
    options = ["--instance-list", '["optimal"]', "--type", "SPOT", "--iam-policies", "[]", "--compute-resources-tags", "a", "b"]
    check("refusal-cluster.txt", refused(run_hyper, "clusters", "add-cluster", "--name", "c", *options))


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        (["queues", "add-queue", "--name", "default"], "there is a queue 'default' already"),
        (["queues", "update-queue", "--name", "defalt", "--priority", "1"], "Did you mean 'default'?"),
        (["queues", "delete-queue", "--name", "defalt"], "Did you mean 'default'?"),
        (["queues", "list-queues", "--name", "defalt"], "Did you mean 'default'?"),
        (["queues", "list-queues", "--host", "locl"], "there is no host 'locl'. Did you mean 'local'?"),
        (["definitions", "add-definition", "--name", "a b"], "'a b' is not a name"),
        (["definitions", "add-definition", "--name", "d", "--cyclone-image-name", "x"], "there is no image 'x'"),
        (["definitions", "add-definition", "--name", "d", "--vcpus", "100000"], "do not fit any cluster"),
        (["definitions", "update-definition", "--name", "default", "--gpu-count", "1"], "does not hand out GPUs"),
        (["regions", "add-region", "--name", "eu-west-1"], "a local host has one region"),
        (["regions", "init-main-region", "--cidr", "10.0.0.0/16"], "no cloud network"),
        (["regions", "update-region", "--name", "local", "--nat-gateways", "1"], "no cloud network"),
        (["regions", "delete-region", "--name", "local"], "is this machine and cannot be deleted"),
    ],
)
def test_refusals(run_hyper: Run, argv: list[str], text: str) -> None:
    """What cannot be is refused in one line that says why and what to do."""
    assert text in refused(run_hyper, *argv)


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        (["nope"], "there is no command 'nope'"),
        (["queues", "add-queu"], "there is no command 'add-queu'. Did you mean add-queue?"),
        (["queues", "add-queue", "--nonsense"], "No such option"),
        (["queues", "add-queue", "--name"], "requires an argument"),
        (["queues", "update-queue", "--name", "default"], "nothing to change was given"),
        (["queues", "add-queue", "extra"], "extra"),
        (["queues", "update-queue", "--name", "default", "--paused=maybe"], "neither true nor false"),
        (["hosts", "select-host"], "HOST_NAME"),
        (["queues", "delete-queue"], "--name: is needed"),
        (["hosts", "delete-host"], "--name: is needed"),
        (["hosts", "create-host", "--name", "x", "--type", "cloud"], "--type: 'cloud' is not one of local, aws"),
        (["queues", "add-queue", "--name", "x", "--priority", "high"], "--priority: 'high' is not a whole number"),
        (["definitions", "update-definition", "--name", "default", "--working-directory", "there"], "is not one of submit, worker"),
        (["usage", "--by", "nonsense"], "--by: 'nonsense' is nothing that usage is counted by. One of job, queue"),
    ],
)
def test_mistyped_command_lines_are_usage_errors(run_hyper: Run, argv: list[str], text: str) -> None:
    """Exit code 2, one line, and where to look."""
    code, out, err = run_hyper(*argv)
    assert (code, out) == (2, "")
    assert text in err
    assert len(err.splitlines()) == 1


def test_regions_of_a_local_host(run_hyper: Run) -> None:
    """Initialising the main region is harmless however often it is done."""
    for _ in range(2):
        assert run_hyper("regions", "init-main-region") == (0, "region local is ACTIVE: it is this machine\n", "")
    assert [found["name"] for found in json.loads(run_hyper("regions", "list-regions", "--json")[1])] == ["local"]


def test_image_without_an_engine_is_refused(run_hyper: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where neither docker nor podman is, that is said, with the way out."""
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    err = refused(run_hyper, "images", "add-image", "--name", "i", "--local-build-directory", str(tmp_path))
    assert err.startswith("hyper: image: neither docker nor podman was found on this machine. Install docker or podman")


def test_life_of_an_image(run_hyper: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Built, used by a definition, failed when built again, replaced, and deleted when nobody uses it."""
    engine = tmp_path / "docker"
    engine.write_text(f'#!/bin/sh\n[ "$1" = build ] && echo building && [ -e {tmp_path}/broken ] && exit 1\nexit 0\n')
    engine.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    add = ["images", "add-image", "--name", "i", "--local-build-directory", str(tmp_path)]
    assert run_hyper(*add) == (0, "image i created\n", "  | building\n")
    assert run_hyper("definitions", "add-definition", "--name", "d", "--cyclone-image-name", "i", "--user", "me")[0] == 0
    assert json.loads(run_hyper("definitions", "list-definitions", "--name", "d", "--json")[1])[0]["image"] == "cyclone/local:i"
    (tmp_path / "broken").touch()
    code, _, err = run_hyper(*add)
    assert code == 1
    assert "the image i is FAILED: docker build failed: building" in err
    assert json.loads(run_hyper("images", "list-images", "--json")[1])[0]["state"] == "FAILED"
    assert run_hyper("images", "replace-with-local-image", "--name", "i", "--local-docker-image", "repo:1")[1] == "image i made again\n"
    assert "1 definition still uses it: d" in refused(run_hyper, "images", "delete-image", "--name", "i")
    run_hyper("definitions", "delete-definition", "--name", "d")
    assert run_hyper("images", "delete-image", "--name", "i")[1] == "image i deleted\n"
