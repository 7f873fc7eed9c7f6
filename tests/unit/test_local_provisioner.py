"""The local provisioner: what it asks of the supervisor and of the container engine, and what it tells."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cyclone_core.errors import EngineMissing, InvalidRequest
from cyclone_core.infra import local
from cyclone_core.infra.containers import ContainerEngine, find_engine
from cyclone_core.infra.events import Event
from cyclone_core.infra.plan import Change, FieldChange, Plan

DOCKER = """#!/bin/sh
echo "$@" >> {log}
case "$1 $2" in
"version "*) exit {version};;
"image inspect") exit 1;;
"build "*) echo step one; echo step two; exit {build};;
esac
"""


class Supervisor:
    """Answers like the supervisor and remembers what it was asked."""

    def __init__(self, answer: tuple[Any, ...] = ("stored",)) -> None:
        self.answer, self.asked = answer, list[tuple[Any, ...]]()

    def ask(self, message: tuple[Any, ...]) -> tuple[Any, ...]:
        """Take one message."""
        self.asked.append(message)
        return self.answer

    def states(self) -> list[str]:
        """States of the bodies that were stored, in order."""
        return [json.loads(message[3]).get("state", "") for message in self.asked if message[0] == "put"]


Engine = Callable[..., ContainerEngine]


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    """Makes a docker that only writes down how it was called."""

    def make(build: int = 0, version: int = 0) -> ContainerEngine:
        command = tmp_path / "docker"
        command.write_text(DOCKER.format(log=tmp_path / "calls", build=build, version=version))
        command.chmod(0o755)
        return ContainerEngine(str(command))

    return make


def image_plan(directory: Path) -> Plan:
    """A plan that builds one image."""
    body = {"name": "base", "directory": str(directory), "source": None, "reference": "cyclone/local:base", "build_arguments": {"A": "1"}}
    return Plan((Change("create", "image", "base", (), body),))


def apply(supervisor: Supervisor, plan: Plan, engine: Callable[[], ContainerEngine]) -> list[Event]:
    """All events of a plan."""
    return list(local.LocalProvisioner(supervisor.ask, engine, lambda: 5.0).apply(plan))


def no_engine() -> ContainerEngine:
    """A machine without docker and podman."""
    return find_engine("/nowhere")


def test_put_is_one_message() -> None:
    """The supervisor stores it; two events tell."""
    supervisor = Supervisor()
    events = apply(supervisor, Plan((Change("create", "queue", "q", (), {"name": "q"}),)), no_engine)
    assert supervisor.asked == [("put", "queue", "q", '{"name":"q"}', "create")]
    assert [(event.at, event.phase) for event in events] == [(5.0, "CREATING"), (5.0, "ACTIVE")]


def test_refusal_of_the_supervisor_is_raised() -> None:
    """Somebody was faster: its problems are the answer."""
    supervisor = Supervisor(("refused", [[0, "queues[q].cluster", "gone", "make it"]]))
    with pytest.raises(InvalidRequest, match=r"queues\[q\].cluster: gone. make it"):
        apply(supervisor, Plan((Change("change", "queue", "q", (), {"name": "q"}),)), no_engine)


def test_image_is_built_and_its_states_are_stored(engine: Engine, tmp_path: Path) -> None:
    """CREATING before, ACTIVE after, with the log; the engine got directory, name and arguments."""
    supervisor = Supervisor()
    events = apply(supervisor, image_plan(tmp_path), engine)
    assert supervisor.states() == ["CREATING", "ACTIVE"]
    assert json.loads(supervisor.asked[-1][3])["log"] == ["step one", "step two"]
    assert [event.phase for event in events] == ["CREATING", "LOG", "LOG", "ACTIVE"]
    assert f"build -t cyclone/local:base --build-arg A=1 {tmp_path}" in (tmp_path / "calls").read_text()


def test_failed_build_is_stored_and_ends_the_plan(engine: Engine, tmp_path: Path) -> None:
    """FAILED with the engine's last words; later changes are not made."""
    supervisor = Supervisor()
    plan = Plan((*image_plan(tmp_path).changes, Change("create", "queue", "q", (), {"name": "q"})))
    events = apply(supervisor, plan, lambda: engine(build=3))
    assert supervisor.states() == ["CREATING", "FAILED"]
    assert (events[-1].phase, events[-1].text) == ("FAILED", "docker build failed: step two")


def test_local_image_is_tagged(engine: Engine, tmp_path: Path) -> None:
    """It is fetched when it is not there, then known by the image's own name."""
    body = {"name": "base", "directory": None, "source": "repo:1", "reference": "cyclone/local:base"}
    apply(Supervisor(), Plan((Change("replace", "image", "base", (), body),)), engine)
    assert (tmp_path / "calls").read_text().splitlines() == ["image inspect repo:1", "pull repo:1", "tag repo:1 cyclone/local:base"]


def test_deleted_image_leaves_the_engine(engine: Engine, tmp_path: Path) -> None:
    """After the supervisor agreed."""
    change = Change("delete", "image", "base", (FieldChange("reference", "cyclone/local:base", None),))
    events = apply(Supervisor(), Plan((change,)), engine)
    assert (tmp_path / "calls").read_text() == "image rm cyclone/local:base\n"
    assert [event.phase for event in events] == ["DELETING", "DELETED"]


def test_missing_engine_is_told_before_anything_is_done(tmp_path: Path) -> None:
    """A plan with an image needs docker or podman; one without does not."""
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    (problem,) = local.problems(image_plan(tmp_path), {}, no_engine)
    assert problem.message == "neither docker nor podman was found on this machine"
    assert local.problems(Plan((Change("create", "queue", "q", (), {"name": "q"}),)), {}, no_engine) == []


def test_silent_engine_says_why(engine: Engine, tmp_path: Path) -> None:
    """A docker command without a docker service is not an engine."""
    engine(version=1)
    with pytest.raises(EngineMissing, match="is installed but cannot be used: docker version ended with code 1"):
        find_engine(str(tmp_path))


def test_directory_without_a_dockerfile_is_refused(engine: Engine, tmp_path: Path) -> None:
    """And so is one that does not exist."""
    assert "there is no Dockerfile" in local.problems(image_plan(tmp_path), {}, engine)[0].message
    assert "there is no directory" in local.problems(image_plan(tmp_path / "x"), {}, engine)[0].message


def test_definition_on_a_failed_image_is_refused(engine: Engine) -> None:
    """Its tasks could not start."""
    plan = Plan((Change("create", "definition", "d", (), {"name": "d", "cyclone_image_name": "base"}),))
    (problem,) = local.problems(plan, {"image": {"base": {"state": "FAILED", "reason": "no space"}}}, engine)
    assert "the image was not built: no space" in problem.message
