"""Where drafts come from: files of the user, and the world while no host can be read."""

import os
from pathlib import Path

import pytest

from cyclone_core import paths
from cyclone_core.errors import InvalidRequest
from cyclone_core.host_registry import HostRegistry
from cyclone_core.operations.resources import Snapshot
from cyclone_core.resources import Host
from cyclone_tui.wizard import sources


def test_a_file_is_read_whatever_its_encoding_mark(tmp_path: Path) -> None:
    """Editors of another system put a mark in front."""
    (tmp_path / "a.yaml").write_bytes(b"\xef\xbb\xbfname: x\n")
    assert sources.read_file(str(tmp_path / "a.yaml")) == "name: x\n"


@pytest.mark.parametrize("name", ["gone", "", "a\0b", "binary"])
def test_what_cannot_be_read_is_told(tmp_path: Path, name: str) -> None:
    """Nothing there, a directory, no path at all, no text."""
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidRequest, match="Give the path of a YAML or JSON file"):
        sources.read_file(f"{tmp_path}/{name}")


def test_a_pipe_that_nobody_writes_into_holds_nobody(tmp_path: Path) -> None:
    """It is as empty as it looks."""
    os.mkfifo(tmp_path / "pipe")
    assert sources.read_file(str(tmp_path / "pipe")) == ""


def test_a_new_host_can_be_made_where_none_can_be_read() -> None:
    """Names of hosts that are there are known, so that they are not offered again."""
    HostRegistry().add(Host(name="lab"))
    assert sorted(sources.nowhere().hosts) == ["lab", "local"]


def test_a_new_host_starts_none() -> None:
    """What a wizard for hosts needs to know is known without asking one."""
    world = sources.look(None, "host")
    assert (world.hosts, world.snapshot) == (("local",), Snapshot())
    assert not Path(paths.host_state_dir("local")).exists()
