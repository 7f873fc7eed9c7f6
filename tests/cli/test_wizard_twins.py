"""The command line that a wizard shows does what the wizard does: run by the real `hyper`, it stores the body that the draft proposes."""

import shlex
from pathlib import Path

import pytest

from cyclone_core.operations.resources import Resources, for_selected
from cyclone_core.resources import Host
from cyclone_tui.wizard import twins
from cyclone_tui.wizard.draft import Draft, begin, edit
from tests.cli.conftest import Run

HOST = Host(name="local")
NEW = (
    ("cluster", {"name": "big", "max_vcpus": "3"}),
    ("queue", {"name": "fast", "priority": "-5", "paused": True}),
    ("definition", {"name": "plain", "vcpus": 1, "timeout_minutes": "1.5", "working_directory": "worker"}),
    ("definition", {"name": "env", "environment": {"A": "1,B=2", "Q": 'it\'s "x" $HOME', "E": ""}}),
)
CHANGED = (
    ("queue", {"priority": 3}, {"priority": "", "paused": True}),
    ("definition", {"environment": {"A": "1"}, "memory_limit_mib": 64}, {"environment": None, "memory_limit_mib": ""}),
    ("cluster", {"max_vcpus": 1}, {"max_vcpus": None, "max_memory_mib": "500"}),
)


def stored(draft: Draft, resources: Resources) -> object:
    """The body that the host has now."""
    return resources.find(draft.kind, draft.name)[0].body


@pytest.mark.parametrize(("kind", "values"), NEW, ids=[values["name"] for _, values in NEW])
def test_create(run_hyper: Run, kind: str, values: dict[str, object]) -> None:
    """Quoting, signs, commas and switches survive the shell."""
    resources, draft = for_selected(), begin(kind, HOST).with_values(values)
    proposed = resources.propose_put(kind, draft.given()).check().changes[0].body
    code, _, err = run_hyper(*shlex.split(twins.line(draft))[1:])
    assert (code, err) == (0, "")
    assert stored(draft, resources) == proposed


@pytest.mark.parametrize(("kind", "first", "then"), CHANGED, ids=[case[0] for case in CHANGED])
def test_update(run_hyper: Run, kind: str, first: dict[str, object], then: dict[str, object]) -> None:
    """Cleared fields go back to their defaults."""
    resources = for_selected()
    run_hyper(*twins.words(begin(kind, HOST).with_values({"name": "x", **first}))[1:])
    draft = edit(kind, HOST, resources.find(kind, "x")[0].body).with_values(then)
    proposed = resources.propose_put(kind, draft.given(), "update").check().changes[0].body
    code, out, err = run_hyper(*shlex.split(twins.line(draft))[1:])
    assert (code, out, err) == (0, f"{kind} x updated\n", "")
    assert stored(draft, resources) == proposed


def test_host(run_hyper: Run, tmp_path: Path) -> None:
    """Made, started, selected; another host than the selected one is named."""
    assert run_hyper(*twins.words(begin("host", HOST).with_value("name", "second"))[1:])[0] == 0
    assert for_selected().host.name == "second"
    draft = begin("queue", HOST).with_value("name", "q")
    assert run_hyper(*twins.words(draft, "local")[1:])[0] == 0
    assert for_selected("local").find("queue", "q")


def test_image(run_hyper: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a local image, then built from a directory instead."""
    docker, directory = tmp_path / "bin" / "docker", tmp_path / "solver"
    for path in (docker.parent, directory):
        path.mkdir()
    docker.write_text("#!/bin/sh\nexit 0\n")
    docker.chmod(0o755)
    (directory / "Dockerfile").touch()
    monkeypatch.setenv("PATH", f"{docker.parent}:/usr/bin:/bin")
    resources, draft = for_selected(), begin("image", HOST).with_values({"name": "i", "reference": "a:1"})
    assert run_hyper(*shlex.split(twins.line(draft))[1:])[0] == 0
    again = edit("image", HOST, resources.find("image", "i")[0].body).with_values({"reference": None, "directory": str(directory)})
    proposed = resources.propose_put("image", again.given(), "update").check().changes[0].body
    assert run_hyper(*shlex.split(twins.line(again))[1:])[0] == 0
    body = resources.find("image", "i")[0].body
    assert {name: body[name] for name in ("directory", "source")} == {"directory": str(directory), "source": None}
    assert proposed is not None
    assert body["directory"] == proposed["directory"]


def test_changed_host(run_hyper: Run) -> None:
    """Only what differs is given."""
    run_hyper(*twins.words(begin("host", HOST).with_value("name", "second"))[1:])
    draft = edit("host", HOST, {"name": "second", "type": "local", "auto_init_main": True}).with_value("auto_init_main", False)
    assert twins.line(draft) == "hyper hosts update-host --name second --no-auto-init-main"
    assert run_hyper(*twins.words(draft)[1:])[:2] == (0, "host second updated\n")
