"""The user's AWS configuration as AWS's libraries read it: `~/.aws/config`, `~/.aws/credentials`, or what variables name instead.

https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html. Read by hand: `configparser` costs a job command 10 ms.
"""

import os

from cyclone_core.errors import CredentialsUnusable

TYPE_CHECKING = False
if TYPE_CHECKING:
    Sections = dict[str, dict[str, str]]


def files() -> "tuple[str, str]":
    """Paths of the configuration and of the credentials file."""
    return (
        _path("AWS_CONFIG_FILE", "config"),
        _path("AWS_SHARED_CREDENTIALS_FILE", "credentials"),
    )


def chosen() -> str:
    """The profile that the environment chooses, else `default`."""
    return os.environ.get("AWS_PROFILE") or os.environ.get("AWS_DEFAULT_PROFILE") or "default"


def read_profiles() -> "Sections":
    """What both files say about each profile; keys of the credentials file count first. Raises CredentialsUnusable for malformed files."""
    config, keys = files()
    found: Sections = {}
    for name, values in _read(config).items():
        profile = _profile(name)
        if profile:
            found.setdefault(profile, {}).update(values)
    for name, values in _read(keys).items():
        found.setdefault(name, {}).update(values)
    return found


def read_sections(path: str) -> "Sections":
    """The sections of a file with their settings, names of settings in small letters. Raises OSError and CredentialsUnusable."""
    with open(path, "rb") as file:
        data = file.read().removeprefix(b"\xef\xbb\xbf")  # some editors' mark of UTF-8
        try:
            return _sections(data.decode())
        except ValueError as exc:  # UnicodeDecodeError too
            raise CredentialsUnusable(
                f"your AWS configuration cannot be read: {path} is malformed. Correct it", "ConfigParseError"
            ) from exc


def _read(path: str) -> "Sections":
    try:
        return read_sections(path)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return {}
    except OSError as exc:
        raise CredentialsUnusable(
            f"your AWS configuration cannot be read: {path}: {exc.strerror}. Correct its rights", "ConfigParseError"
        ) from exc


def _sections(text: str) -> "Sections":
    found: Sections = {}
    values: dict[str, str] | None = None
    last = ""
    for line in text.splitlines():
        bare = line.strip()
        if not bare or bare[0] in "#;":
            continue
        if line[0] in " \t" and last:  # belongs to the setting before: `s3 =` and what is indented below it
            continue
        if bare[0] == "[":
            if "]" not in bare:
                raise ValueError("a section's name has no end")
            values = found.setdefault(bare[1 : bare.rindex("]")], {})
            last = ""
            continue
        at = min((at for at in (bare.find("="), bare.find(":")) if at >= 0), default=-1)
        if values is None or at < 1:
            raise ValueError("a line is no setting")
        last = bare[:at].rstrip().lower()
        values[last] = bare[at + 1 :].strip()
    return found


def _profile(section: str) -> str:
    """Name of the profile that a section of the configuration file describes, "" for other sections."""
    if section == "default":
        return section
    kind, _, name = section.replace("\t", " ").strip().partition(" ")
    return name.strip().strip("\"'") if kind == "profile" else ""


def _path(variable: str, name: str) -> str:
    return os.path.expanduser(os.environ.get(variable) or f"~/.aws/{name}")
