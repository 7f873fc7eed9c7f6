"""Where an account's credentials come from, and what somebody has to do when they cannot be used.

The order is that of AWS's libraries (https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html); nothing is asked here,
and no key is looked at: what a profile says about itself is enough.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["sandbox", "environment", "keys", "sso", "login", "role", "process", "web identity", "machine", "none"]
"""keys: an access key in a file; role: one that another profile assumes; machine: the role of an instance or a container."""
_MOST_ROLES = 10
"""So many profiles may lead to one another."""


@dataclass(frozen=True)
class Source:
    """Where credentials come from."""

    kind: Kind
    profile: str = ""
    """"" where no profile is involved."""
    named: bool = True
    """Whether the profile was asked for, not just the default one."""
    signs_in: str = ""
    """With a role: the profile that has to be signed in to."""
    has_mfa: bool = False

    @property
    def words(self) -> str:
        """For `... cannot be used`."""
        return {
            "sandbox": "the sandbox's credentials",
            "environment": "the credentials in this shell's AWS_ACCESS_KEY_ID",
            "machine": "the credentials of this machine's role",
            "none": "AWS credentials",
        }.get(self.kind, f"the credentials of profile {self.profile}")

    @property
    def remedy(self) -> str:
        """What to do, with the command."""
        option = f" --profile {self.signs_in or self.profile}" if self.named or self.signs_in else ""
        if self.has_mfa:
            return f"It asks for a code: answer it once with aws sts get-caller-identity --profile {self.profile}, then try again"
        match self.kind:
            case "sandbox":
                return "Each start of the sandbox makes new ones: see hyper sandbox status, and start it with hyper sandbox start"
            case "environment":
                return "Export fresh ones (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN), or unset them and use a profile"
            case "sso":
                return f"Sign in: aws sso login{option}"
            case "login":
                return f"Sign in: aws login{option}"
            case "keys":
                return f"Renew them: aws configure{option}"
            case "process" | "role":
                return f"See what is wrong: aws sts get-caller-identity{option}"
            case "web identity" | "machine":
                return "Check the role that this machine or container was given"
            case "none":
                return "Set some up: aws configure, or aws configure sso; or choose a profile: export AWS_PROFILE=NAME"


def source_of(profile: str, named: bool, profiles: Mapping[str, Mapping[str, Any]], environment: Mapping[str, str] = os.environ) -> Source:
    """Where the credentials of a profile come from; `named`: it was asked for, so that keys of the environment do not count.

    profiles: name -> what the user's configuration and credentials files say about it.
    """
    if not named and environment.get("AWS_ACCESS_KEY_ID"):
        return Source("environment")
    settings = profiles.get(profile)
    if settings is not None and (kind := _kind(settings)) != "none":
        named = named or profile != "default"
        if kind == "role":
            return _role(profile, named, profiles)
        return Source(kind, profile, named)
    if environment.get("AWS_WEB_IDENTITY_TOKEN_FILE"):
        return Source("web identity", profile, named)
    if any(environment.get(f"AWS_CONTAINER_CREDENTIALS_{what}_URI") for what in ("RELATIVE", "FULL")):
        return Source("machine")
    return Source("none")


def _role(profile: str, named: bool, profiles: Mapping[str, Mapping[str, Any]]) -> Source:
    """A role's credentials fail when those fail that assume it."""
    settings, at = profiles[profile], profile
    for _ in range(_MOST_ROLES):
        at = str(profiles.get(at, {}).get("source_profile", ""))
        kind = _kind(profiles.get(at, {})) if at else "none"
        if kind in ("sso", "login", "keys", "process"):
            return Source(kind, profile, named, signs_in=at, has_mfa="mfa_serial" in settings)
        if kind != "role":
            break
    return Source("role", profile, named, has_mfa="mfa_serial" in settings)


def _kind(settings: Mapping[str, Any]) -> Kind:
    """What a profile is, in the order in which AWS's libraries look at it."""
    looks: tuple[tuple[str, Kind], ...] = (
        ("web_identity_token_file", "web identity"),
        ("role_arn", "role"),
        ("sso_session", "sso"),
        ("sso_start_url", "sso"),
        ("aws_access_key_id", "keys"),
        ("login_session", "login"),
        ("credential_process", "process"),
    )
    return next((kind for name, kind in looks if name in settings), "none")
