"""Credentials that only AWS's library finds (single sign-on, roles, web identities): loaded once an hour, not for each job command.

What it found is kept in the user's cache directory, in a file that only the user may read (0600 in a directory of 0700), until shortly
before it expires; a change of the AWS configuration makes it void. Nothing of it is ever an argument of a program or part of a message.
"""

import os
from time import time

from cyclone_core import paths
from cyclone_core.aws.lean import jsons, profiles
from cyclone_core.aws.lean.credentials import Credentials
from cyclone_core.aws.lean.signing import digest
from cyclone_core.errors import MissingExtra

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cyclone_core.aws.credentials import Source

INSTALL = "bash install.sh --extras aws, or pip install 'cyclone-hpc[aws]'"
_DECIDES = (
    "AWS_ACCESS_KEY_ID", "AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME", "AWS_SECURITY_TOKEN", "AWS_SESSION_TOKEN", "AWS_WEB_IDENTITY_TOKEN_FILE",
)  # fmt: skip
"""Variables on which the result depends."""


def find(name: str, asked: "str | None", early_s: float, source: "Source") -> Credentials:
    """Credentials of a profile, kept ones while they last longer than early_s. asked: the profile if the user asked for one.

    Raises CredentialsUnusable, and MissingExtra where AWS's library is not installed.
    """
    path = _path(name)
    found = _read(path)
    if found is not None and found.expires_s - time() > early_s:
        return found
    found = _of_library(asked, source)
    if found.expires_s:
        _write(path, found)
    return found


def forget(name: str) -> None:
    """Remove what is kept of a profile."""
    try:
        os.unlink(_path(name))
    except OSError:
        pass


def _of_library(profile: "str | None", source: "Source") -> Credentials:
    try:
        from cyclone_core.aws.account import Account
    except ModuleNotFoundError as exc:
        what = f"{source.words} need the optional part aws, which is not installed ({exc.name} is missing)"
        raise MissingExtra(f"{what}: {INSTALL}") from exc
    return Credentials(*Account(profile).keys())


def _path(name: str) -> str:
    about = [name, *profiles.files(), *(os.environ.get(variable, "") for variable in _DECIDES)]
    for file in profiles.files():
        try:
            info = os.stat(file)
            about += [str(info.st_mtime_ns), str(info.st_size)]
        except OSError:
            about.append("")
    return os.path.join(paths.cache_dir(), "credentials", digest("\0".join(about).encode("utf-8", "surrogateescape")))


def _read(path: str) -> "Credentials | None":
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    with open(descriptor, "rb") as file:
        info = os.fstat(descriptor)
        if info.st_uid != os.geteuid() or info.st_mode & 0o077:
            return None
        try:
            key, secret, token, expires_s = jsons.loads(file.read())
            return Credentials(str(key), str(secret), str(token), float(expires_s))
        except (ValueError, TypeError):
            return None


def _write(path: str, found: Credentials) -> None:
    """Where it cannot be kept, the next command asks again."""
    new = f"{path}.{os.getpid()}"
    try:
        os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
        _sweep(os.path.dirname(path))
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as file:
            file.write(jsons.dumps([found.key, found.secret, found.token, found.expires_s]))
        os.replace(new, path)
    except OSError:
        pass


def _sweep(directory: str) -> None:
    """Remove what has been of no use for a day: keys of configurations that have changed since."""
    for name in os.listdir(directory):
        path = os.path.join(directory, name)
        if os.lstat(path).st_mtime < time() - 86_400:
            os.unlink(path)
