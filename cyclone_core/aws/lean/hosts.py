"""An AWS host as this machine's registry knows it, for whoever cannot afford to load the registry: names of what it has, and a client."""

import os

from cyclone_core import naming, paths
from cyclone_core.aws.lean import jsons, sandbox
from cyclone_core.aws.lean.chain import Chain
from cyclone_core.aws.lean.client import Aws
from cyclone_core.errors import NotFound, StateUnusable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cyclone_core.aws.lean.sender import Meter
    from cyclone_core.aws.patience import Patience


class LeanHost:
    """An AWS host: what it is called, where it is, and the client of its main region."""

    __slots__ = ("account", "aws", "bucket", "endpoint", "name", "region", "table")

    def __init__(self, name: str, account: str, region: str, endpoint: "str | None", aws: Aws) -> None:
        """endpoint: of the sandbox, None on AWS."""
        self.name, self.account, self.region, self.endpoint, self.aws = name, account, region, endpoint, aws
        self.table, self.bucket = naming.jobs_table(name), naming.data_bucket(name, account, region)


def open_host(name: str, meter: "Meter | None" = None, patience: "Patience | None" = None) -> LeanHost:
    """A host of the registry; nothing is asked of AWS yet.

    Raises NotFound for a host that is not there or is no AWS host, StateUnusable for a file that cannot be used, HostUnavailable when
    the host is on the sandbox and that does not run.
    """
    path, body = _aws_body(name)
    account, region = str(body.get("account") or ""), str(body.get("region") or "")
    if not account or not region:
        lacking = "region" if account else "account"
        raise StateUnusable(f"the host {name} cannot be read: {path} names no {lacking}. Correct the file, or remove it: rm '{path}'")
    endpoint = sandbox.endpoint(name) if body.get("sandbox") else None
    keys = Chain.of_sandbox() if endpoint else Chain(str(body["profile"]) if body.get("profile") else None)
    return LeanHost(name, account, region, endpoint, Aws(region, keys, endpoint, meter, patience))


def registered(name: str) -> "dict[str, Any]":
    """What the registry says of an AWS host. Raises as `open_host` does."""
    return _aws_body(name)[1]


def _aws_body(name: str) -> "tuple[str, dict[str, Any]]":
    path, body = _body(name)
    if body.get("type") != "aws":
        raise NotFound(f"the host {name} is no AWS host. See hyper hosts list-hosts")
    return path, body


def _body(name: str) -> "tuple[str, dict[str, Any]]":
    path = os.path.join(paths.config_dir(), "hosts", f"{name}.json")
    if not name or "/" in name or "\0" in name or name.startswith("."):
        raise NotFound(_missing(name))
    try:
        with open(path, "rb") as file:
            body = jsons.loads(file.read())
    except FileNotFoundError:
        raise NotFound(_missing(name)) from None
    except OSError as exc:
        raise StateUnusable(f"the host {name} cannot be read: {path}: {exc.strerror}. Correct its rights (chmod 600)") from exc
    except ValueError as exc:
        remedy = f"Correct the file, or remove it: rm '{path}'"
        raise StateUnusable(f"the host {name} cannot be read: {path} is no JSON: {exc}. {remedy}") from exc
    return path, body if isinstance(body, dict) else {}


def _missing(name: str) -> str:
    return f"there is no host {name!r}. See hyper hosts list-hosts, or make it with hyper hosts create-host"
