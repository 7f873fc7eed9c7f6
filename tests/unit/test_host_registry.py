"""The hosts of a user: files that are private and whole, and one broken file that harms nobody else."""

import os
from pathlib import Path

import pytest

from cyclone_core import paths
from cyclone_core.errors import InvalidRequest, NotFound, StateUnusable
from cyclone_core.host_registry import HostRegistry
from cyclone_core.resources import Host


@pytest.fixture
def registry() -> HostRegistry:
    """The registry of this test's home."""
    return HostRegistry()


def names(registry: HostRegistry) -> list[str]:
    """Names of all hosts that can be read."""
    return [host.name for host in registry.list()[0]]


def test_local_exists_without_any_file(registry: HostRegistry) -> None:
    """A fresh home has one host, and it is selected."""
    assert names(registry) == ["local"]
    assert registry.selected() == Host(name="local")
    assert not os.path.exists(registry.directory)


def test_added_host_is_private(registry: HostRegistry) -> None:
    """Files are 0600 in a directory 0700."""
    registry.add(Host(name="lab"))
    folder = Path(registry.directory, "hosts")
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [(path.name, path.stat().st_mode & 0o777) for path in folder.iterdir()] == [("lab.json", 0o600)]
    assert registry.get("lab") == Host(name="lab")


def test_selected_host_is_what_job_commands_use(registry: HostRegistry) -> None:
    """`paths.selected_host` reads what `select` wrote."""
    registry.add(Host(name="lab"))
    registry.select("lab")
    assert paths.selected_host() == "lab"
    assert registry.selected().name == "lab"


def test_name_is_taken_once(registry: HostRegistry) -> None:
    """A second host of that name is refused."""
    registry.add(Host(name="lab"))
    with pytest.raises(InvalidRequest, match="there is a host 'lab' already"):
        registry.add(Host(name="lab"))


def test_removing_the_selected_host_selects_local(registry: HostRegistry) -> None:
    """No selection points to nothing."""
    registry.add(Host(name="lab"))
    registry.select("lab")
    registry.remove("lab")
    assert names(registry) == ["local"]
    assert registry.selected().name == "local"


def test_update_changes_the_file(registry: HostRegistry) -> None:
    """What was stored is what is read."""
    registry.add(Host(name="lab"))
    registry.update(Host(name="lab", auto_init_main=False))
    assert registry.get("lab").auto_init_main is False


@pytest.mark.parametrize("action", ["get", "select", "remove"])
def test_unknown_host_names_the_nearest(registry: HostRegistry, action: str) -> None:
    """A mistyped name is answered with the right one."""
    registry.add(Host(name="laboratory"))
    with pytest.raises(NotFound, match=r"Did you mean 'laboratory'\?"):
        getattr(registry, action)("labratory")


@pytest.mark.parametrize("name", ["../x", "a/b", "", "\n"])
def test_name_that_is_no_name_is_not_looked_up(registry: HostRegistry, name: str) -> None:
    """No path leads out of the directory."""
    with pytest.raises(NotFound):
        registry.get(name)


@pytest.mark.parametrize("text", ["{", "[]", '{"type": "moon"}', '{"unknown": 1}', b"\xff\xfe".decode("latin-1")])
def test_broken_file_is_a_problem_of_its_host_alone(registry: HostRegistry, text: str) -> None:
    """The others are listed; the problem names the file and the remedy."""
    registry.add(Host(name="lab"))
    Path(registry.directory, "hosts", "bad.json").write_text(text)
    hosts, problems = registry.list()
    assert [host.name for host in hosts] == ["lab", "local"]
    assert len(problems) == 1
    assert "bad.json" in problems[0].message
    assert "rm '" in problems[0].message
    with pytest.raises(StateUnusable, match="cannot be read"):
        registry.get("bad")


def test_directory_that_cannot_be_written_is_told(registry: HostRegistry, tmp_path: Path) -> None:
    """A read-only home ends in one line with the remedy."""
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(StateUnusable, match="CYCLONE_HOME"):
        HostRegistry(str(blocked / "config")).add(Host(name="lab"))
