"""From the name of a host to its type, and of a local one to its directory and supervisor, at no cost: what needs no model of resources.

`local` exists without any configuration; every other host has a file `config_dir()/hosts/NAME.json`.
"""

import os

from cyclone_core import paths
from cyclone_core.errors import HostUnavailable, NotFound, StateUnusable
from cyclone_core.scheduler.settings import is_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cyclone_core.wire import Channel

ANSWER_TIMEOUT_S = 5.0
"""So long a listing waits for a supervisor's word."""


def type_of(name: str) -> str:
    """local or aws. Raises NotFound (naming the nearest) for a host nobody made, StateUnusable for one whose file cannot be read."""
    if name == paths.DEFAULT_HOST and not os.path.lexists(_file(name)):
        return "local"
    if not is_name(name) or name[0] == "." or not os.path.lexists(_file(name)):
        raise NotFound(_unknown(name))
    return _kind(name)


def ask_status(state_dir: str, timeout_s: float = ANSWER_TIMEOUT_S) -> "dict[str, Any] | None":
    """What a supervisor says about itself; {} where none runs, None where one does not answer in time."""
    from cyclone_core import wire

    channel = connect(state_dir)
    if channel is None:
        return {}
    channel.sock.settimeout(timeout_s)
    try:
        return dict(channel.ask(("status",))[1])
    except TimeoutError:
        return None
    except (wire.Closed, OSError):
        return {}
    finally:
        channel.close()


def connect(state_dir: str) -> "Channel | None":
    """A channel to a supervisor that runs; None where none does. Never starts one."""
    from cyclone_core.scheduler.local import client

    try:
        return client.connect(state_dir)
    except (FileNotFoundError, HostUnavailable):
        return None


def _file(name: str) -> str:
    return os.path.join(paths.config_dir(), "hosts", name + ".json")


def _kind(name: str) -> str:
    from cyclone_core.aws.lean import jsons

    try:
        with open(_file(name), encoding="utf-8") as file:
            return str(jsons.loads(file.read()).get("type", "local"))
    except (OSError, ValueError, AttributeError) as exc:
        raise StateUnusable(f"the host {name} cannot be read: {_file(name)}: {exc}. Correct the file, or remove it") from exc


def _unknown(name: str) -> str:
    from cyclone_core.options import did_you_mean

    try:
        entries = os.listdir(os.path.dirname(_file("x")))
    except OSError:
        entries = []
    known = {entry[:-5] for entry in entries if entry.endswith(".json")} | {paths.DEFAULT_HOST}
    near = did_you_mean(name, known)
    return f"there is no host {name!r}{near or ''}{'' if near else '.'} See them with: hyper hosts list-hosts"
