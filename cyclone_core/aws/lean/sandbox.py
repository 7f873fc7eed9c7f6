"""Where the sandbox of this machine listens, and with which keys: read from its files each time, since both change with each start.

The files are those of `sandbox.settings`, which job commands cannot afford to import; a test holds both together.
"""

import os

from cyclone_core import paths
from cyclone_core.aws.lean import jsons
from cyclone_core.aws.lean.credentials import Credentials
from cyclone_core.aws.lean.profiles import read_sections
from cyclone_core.errors import CredentialsUnusable, HostUnavailable
from cyclone_core.locks import is_held

PROFILE = "cyclone-sandbox"
"""Profile of its credentials file."""


def endpoint(host: str) -> str:
    """URL of the running sandbox. host: who is on it, for the message. Raises HostUnavailable when none runs."""
    root = _root()
    if is_held(os.path.join(root, "lock")):
        try:
            with open(os.path.join(root, "running.json"), "rb") as file:
                return f"http://127.0.0.1:{int(jsons.loads(file.read())['port'])}"
        except (OSError, ValueError, TypeError, KeyError):  # it is about to serve, or to end
            pass
    what = f"the host {host} is on the sandbox of this machine, which does not run"
    raise HostUnavailable(f"{what}. Start it: hyper sandbox start (it starts empty: what was on the last one is gone)")


def credentials() -> Credentials:
    """The keys of its last start. Raises CredentialsUnusable when they are gone."""
    try:
        found = read_sections(os.path.join(_root(), "credentials"))[PROFILE]
        return Credentials(found["aws_access_key_id"], found["aws_secret_access_key"], found.get("aws_session_token", ""))
    except (OSError, KeyError) as exc:
        what = "the sandbox's credentials are gone: it was stopped. Start it again, as an empty one: hyper sandbox start"
        raise CredentialsUnusable(what, "NoCredentialsError") from exc


def _root() -> str:
    return os.path.join(paths.state_root(), ".sandbox")
