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
