"""Places agree with the platform's rules, sockets have short and private ones."""

import os
from pathlib import Path

import platformdirs
import pytest

from cyclone_core import paths
from cyclone_core.errors import StateUnusable


@pytest.fixture
def no_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A user without CYCLONE_HOME."""
    for name in ("CYCLONE_HOME", "CYCLONE_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("config", [None, "", "/elsewhere/config"])
@pytest.mark.parametrize("state", [None, "", "/elsewhere/state"])
def test_places_are_those_of_platformdirs(no_home: Path, monkeypatch: pytest.MonkeyPatch, config: str | None, state: str | None) -> None:
    """Without anything set, with empty and with other XDG directories."""
    for name, value in (("XDG_CONFIG_HOME", config), ("XDG_STATE_HOME", state)):
        if value is not None:
            monkeypatch.setenv(name, value)
    assert paths.config_dir() == platformdirs.user_config_dir("cyclone")
    assert os.path.dirname(paths.state_root()) == platformdirs.user_state_dir("cyclone")
    assert paths.cache_dir() == platformdirs.user_cache_dir("cyclone")


def test_relative_xdg_directories_are_ignored(no_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the XDG specification demands: they would depend on where a command is called."""
    monkeypatch.setenv("XDG_CONFIG_HOME", "somewhere")
    assert paths.config_dir() == str(no_home / ".config" / "cyclone")


def test_one_variable_moves_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """CYCLONE_HOME, and CYCLONE_STATE_DIR over it; each machine has its own state."""
    monkeypatch.setenv("CYCLONE_HOME", "/c")
    assert (paths.config_dir(), paths.host_state_dir("local")) == ("/c/config", f"/c/state/{os.uname().nodename}/local")
    assert paths.cache_dir() == "/c/cache"
    monkeypatch.setenv("CYCLONE_STATE_DIR", "/s")
    assert paths.host_state_dir("other") == f"/s/{os.uname().nodename}/other"


def test_the_selected_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment, else the file, else `local`."""
    assert paths.selected_host() == "local"
    os.makedirs(paths.config_dir())
    Path(paths.config_dir(), "selected-host").write_text("lab\n")
    assert paths.selected_host() == "lab"
    monkeypatch.setenv("CYCLONE_HOST", "other")
    assert paths.selected_host() == "other"


def test_one_state_directory_has_one_short_socket(tmp_path: Path) -> None:
    """However long its path and whichever way leads to it."""
    deep = tmp_path / ("long" * 40) / ("name" * 40)
    deep.mkdir(parents=True)
    (tmp_path / "link").symlink_to(deep)
    path = paths.socket_path(str(deep))
    assert path == paths.socket_path(str(tmp_path / "link"))
    assert path != paths.socket_path(str(tmp_path))
    assert len(os.fsencode(path)) < 108
    assert os.stat(os.path.dirname(path)).st_mode & 0o777 == 0o700


def test_a_runtime_directory_that_is_too_long_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No socket could be made there: said at once, with the remedy."""
    monkeypatch.setenv("CYCLONE_RUNTIME_DIR", str(tmp_path / ("r" * 110)))
    with pytest.raises(StateUnusable, match=r"too long.*CYCLONE_RUNTIME_DIR"):
        paths.socket_path(str(tmp_path))


def test_a_long_runtime_directory_of_the_platform_is_passed_over(no_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody chose it for us: the short place in /tmp does."""
    long = no_home / ("r" * 110)
    long.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(long))
    assert len(os.fsencode(paths.socket_path(str(no_home)))) < 108


def test_without_a_runtime_directory_there_is_a_private_one_in_tmp(no_home: Path) -> None:
    """Named after the user."""
    assert os.path.dirname(paths.socket_path(str(no_home))) == f"/tmp/cyclone-{os.geteuid()}"


@pytest.mark.parametrize("mode", [0o755, 0o710, 0o707])
def test_a_loose_runtime_directory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int) -> None:
    """Others could put a socket there."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run").chmod(mode)
    monkeypatch.setenv("CYCLONE_RUNTIME_DIR", str(tmp_path / "run"))
    with pytest.raises(StateUnusable, match="not private"):
        paths.socket_path(str(tmp_path))


def test_a_link_or_a_file_is_no_runtime_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a link leads to may change under us."""
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "file").touch()
    for name in ("link", "file"):
        monkeypatch.setenv("CYCLONE_RUNTIME_DIR", str(tmp_path / name))
        with pytest.raises(StateUnusable, match="CYCLONE_RUNTIME_DIR"):
            paths.socket_path(str(tmp_path))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make directories of others")
def test_a_foreign_runtime_directory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even a private one."""
    (tmp_path / "run").mkdir(mode=0o700)
    os.chown(tmp_path / "run", 12345, 12345)
    monkeypatch.setenv("CYCLONE_RUNTIME_DIR", str(tmp_path / "run"))
    with pytest.raises(StateUnusable, match="not private"):
        paths.socket_path(str(tmp_path))
