"""Where Cyclone keeps things on this machine.

configuration  `$CYCLONE_HOME/config` or the platform's configuration directory: hosts, the selected one, settings
state          `$CYCLONE_HOME/state`, `$CYCLONE_STATE_DIR` or the platform's state directory, one folder per machine and host
cache          `$CYCLONE_HOME/cache` or the platform's cache directory: what can be made again
runtime        a socket directory of this user (0700); named by the state directory's device and inode, so its path is short
               (a socket path has at most 107 bytes) and one state directory has one socket whatever path leads to it

The XDG rules are written out here because the job commands cannot afford to import a library for them: `platformdirs`
costs more than all of `qsub`; `tests/unit/test_paths.py` checks that both agree.
"""

import os

from cyclone_core.errors import StateUnusable

DEFAULT_HOST = "local"
"""Name of the host that exists without any configuration."""
_MAX_SOCKET_PATH = 107
"""Bytes; the kernel's `sun_path` holds one more for the closing zero."""


def config_dir() -> str:
    """Directory of the user's configuration; not created here."""
    home = os.environ.get("CYCLONE_HOME")
    return os.path.join(home, "config") if home else os.path.join(_xdg("XDG_CONFIG_HOME", ".config"), "cyclone")


def cache_dir() -> str:
    """Directory of what can be made again; not created here."""
    home = os.environ.get("CYCLONE_HOME")
    return os.path.join(home, "cache") if home else os.path.join(_xdg("XDG_CACHE_HOME", ".cache"), "cyclone")


def state_root() -> str:
    """Directory under which every local host of this machine has its state; not created here."""
    chosen = os.environ.get("CYCLONE_STATE_DIR")
    if not chosen:
        home = os.environ.get("CYCLONE_HOME")
        chosen = os.path.join(home, "state") if home else os.path.join(_xdg("XDG_STATE_HOME", os.path.join(".local", "state")), "cyclone")
    return os.path.join(chosen, os.uname().nodename or "machine")


def host_state_dir(host: str) -> str:
    """State directory of a local host: `state.db`, journals, scripts, outputs."""
    return os.path.join(state_root(), host)


def stop_mark(state_dir: str) -> str:
    """A file that is there while a local host is stopped on purpose: submitting starts it again, looking does not."""
    return os.path.join(state_dir, "stopped")


def deployments_dir(state_dir: str) -> str:
    """Directory of the records of what was changed on a host."""
    return os.path.join(state_dir, "deployments")


def selected_host() -> str:
    """Name of the host that commands use: `$CYCLONE_HOST`, else the selected one, else `local`."""
    name = os.environ.get("CYCLONE_HOST")
    if name:
        return name
    try:
        with open(os.path.join(config_dir(), "selected-host"), encoding="utf-8") as file:
            return file.read().strip() or DEFAULT_HOST
    except OSError:
        return DEFAULT_HOST


def socket_path(state_dir: str) -> str:
    """Path of the supervisor's socket for an existing state directory; its folder is made when missing.

    Raises StateUnusable when the folder belongs to somebody else, cannot be made, or has a path too long for a socket in it.
    """
    info = os.stat(state_dir)
    name = f"{info.st_dev:x}-{info.st_ino:x}"
    folder = _runtime_dir(name)
    if not _is_short(folder, name):
        raise StateUnusable(f"the socket directory {folder} has a path that is too long. Set CYCLONE_RUNTIME_DIR to a shorter one of yours")
    try:
        os.makedirs(folder, 0o700, exist_ok=True)
        owner = os.lstat(folder)
    except OSError as exc:
        what = f"the socket directory {folder} cannot be made: {exc.strerror}"
        raise StateUnusable(f"{what}. Set CYCLONE_RUNTIME_DIR to a directory of yours") from exc
    if owner.st_uid != os.geteuid() or owner.st_mode & 0o077 or owner.st_mode & 0o170000 != 0o040000:
        what = f"the socket directory {folder} is not private to you"
        raise StateUnusable(f"{what}. Set CYCLONE_RUNTIME_DIR to a directory of yours with mode 0700")
    return os.path.join(folder, name)


def _is_short(folder: str, name: str) -> bool:
    return len(os.fsencode(os.path.join(folder, name))) <= _MAX_SOCKET_PATH


def _runtime_dir(name: str) -> str:
    chosen = os.environ.get("CYCLONE_RUNTIME_DIR")
    if chosen:
        return chosen
    base = os.environ.get("XDG_RUNTIME_DIR")
    if base and os.access(base, os.W_OK) and _is_short(os.path.join(base, "cyclone"), name):
        return os.path.join(base, "cyclone")
    return f"/tmp/cyclone-{os.geteuid()}"


def _xdg(variable: str, below_home: str) -> str:
    chosen = os.environ.get(variable, "")
    return chosen if os.path.isabs(chosen) else os.path.join(os.path.expanduser("~"), below_home)
