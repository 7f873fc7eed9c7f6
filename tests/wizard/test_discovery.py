"""What a wizard is offered."""

from pathlib import Path

from cyclone_core.errors import EngineMissing
from cyclone_core.infra.containers import ContainerEngine
from cyclone_core.operations.discovery import Finding, discover
from tests.wizard.conftest import HOST, MACHINE, SNAPSHOT


def no_engine() -> ContainerEngine:
    """A machine without containers."""
    raise EngineMissing("neither docker nor podman was found on this machine. Install one")


def findings(kind: str, directory: str = ".") -> dict[str, Finding]:
    """By field."""
    found = discover(HOST, kind, SNAPSHOT.bodies, hosts=("local",), machine=MACHINE, engine=no_engine, directory=directory)
    return {finding.field: finding for finding in found}


def test_names_that_are_free() -> None:
    """One for every kind."""
    assert [findings(kind)["name"].recommended for kind in ("cluster", "queue", "host", "region")] == [
        "cluster-1",
        "queue-1",
        "host-1",
        "local",
    ]


def test_a_name_that_is_taken_is_not_offered() -> None:
    """Of a host among the hosts, of anything else among its kind."""
    bodies = {"queue": {"queue-1": {}, "queue-2": {}}, "cluster": {"host-1": {}}}
    for kind, free in (("queue", "queue-3"), ("cluster", "cluster-1"), ("host", "host-3")):
        first = next(iter(discover(HOST, kind, bodies, hosts=("host-1", "host-2", "queue-3"), machine=MACHINE)))
        assert (first.field, first.recommended) == ("name", free)


def test_a_cluster_is_offered_the_machine() -> None:
    """Parts of it and all of it, and where it ends."""
    found = findings("cluster")
    assert [choice.value for choice in found["max_vcpus"].choices] == ["1", "2", "4"]
    assert (found["max_vcpus"].limit, found["max_memory_mib"].limit) == (4, 8000)


def test_a_queue_is_offered_the_clusters() -> None:
    """With their size, and nothing else is possible."""
    found = findings("queue")["cluster"]
    assert [(choice.value, choice.text) for choice in found.choices] == [("big", "2 vCPUs, 4,000 MiB"), ("default", "4 vCPUs, 8,000 MiB")]
    assert (found.recommended, found.closed) == ("default", True)


def test_directories_with_a_dockerfile(tmp_path: Path) -> None:
    """Near ones only, hidden ones not; one's own before the example."""
    for path in ("example-worker-image", "solver", "a/b", "a/b/c", ".git"):
        (tmp_path / path).mkdir(parents=True)
        (tmp_path / path / "Dockerfile").touch()
    found = findings("image", str(tmp_path))["directory"]
    assert [Path(choice.value).relative_to(tmp_path).as_posix() for choice in found.choices] == ["example-worker-image", "solver", "a/b"]
    assert found.recommended == str(tmp_path / "solver")


def test_a_missing_engine_is_a_warning() -> None:
    """It says why and what to do, and the field can still be typed into."""
    found = findings("image")["reference"]
    assert "neither docker nor podman" in found.warning
    assert not found.closed


def test_images_of_an_engine(tmp_path: Path) -> None:
    """Those without a name and our own are left out."""
    command = tmp_path / "docker"
    command.write_text("#!/bin/sh\nprintf 'a:1\\n<none>:<none>\\ncyclone/local:x\\nb:2\\n'\n")
    command.chmod(0o755)
    found = list(discover(HOST, "image", {}, engine=lambda: ContainerEngine(str(command)), directory=str(tmp_path)))[-1]
    assert [choice.value for choice in found.choices] == ["a:1", "b:2"]
