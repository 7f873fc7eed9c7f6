"""Whose credentials are used, found once and kept until shortly before they expire. The order is that of AWS's libraries.

    keys of the environment, unless a profile was asked for
    the profile: its keys, or what its `credential_process` prints
    the container's role, this machine's role (EC2)
    all else (single sign-on, roles that a profile assumes, web identities): AWS's own library, its result kept in a file (`kept`)

https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
"""

import os
from _thread import allocate_lock
from time import time

from cyclone_core.aws.lean import profiles
from cyclone_core.aws.lean.credentials import Credentials, of_environment
from cyclone_core.errors import CredentialsUnusable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cyclone_core.aws.credentials import Source
    from cyclone_core.aws.lean.profiles import Sections

EARLY_S = 300.0
"""So long before their end credentials are replaced."""
_ASK_EVERY_S = 15.0
"""Not more often, when nobody gives longer ones."""
_BY_LIBRARY = ("web_identity_token_file", "role_arn", "sso_session", "sso_start_url")
"""What a profile says whose credentials AWS's library finds; they count before keys."""


class Chain:
    """Credentials of a profile, of the environment or of this machine. Threads share it."""

    def __init__(self, profile: "str | None" = None, is_sandbox: bool = False) -> None:
        """profile: the one asked for, None for what the environment says. Nothing is looked for yet."""
        self.profile, self._is_sandbox = profile, is_sandbox
        self._lock = allocate_lock()
        self._found: Credentials | None = None
        self._asked_s = 0.0

    @classmethod
    def of_sandbox(cls) -> "Chain":
        """The keys of the sandbox that runs on this machine."""
        return cls(is_sandbox=True)

    def __call__(self) -> Credentials:
        """Credentials that are good now. Raises CredentialsUnusable with what to do, and MissingExtra where AWS's library is needed."""
        found = self._found
        if found is not None and _is_fresh(found):
            return found
        with self._lock:
            return self._renewed()

    def forget(self) -> None:
        """They are refused: look again."""
        self._found = None
        self._asked_s = 0.0
        if not self._is_sandbox:
            from cyclone_core.aws.lean import kept

            kept.forget(self._name())

    @property
    def source(self) -> "Source":
        """Where they come from, for messages."""
        from cyclone_core.aws.credentials import Source, source_of

        if self._is_sandbox:
            return Source("sandbox", "cyclone-sandbox")
        try:
            known = profiles.read_profiles()
        except CredentialsUnusable:
            known = {}
        return source_of(self._name(), self.profile is not None, known)

    # -- inside -------------------------------------------------------------------------------------------------------
    def _name(self) -> str:
        return self.profile or profiles.chosen()

    def _renewed(self) -> Credentials:
        found = self._found
        if found is not None and (_is_fresh(found) or (found.expires_s > time() and time() - self._asked_s < _ASK_EVERY_S)):
            return found  # another thread was first, or nobody had longer ones a moment ago
        self._asked_s = time()
        try:
            self._found = self._look()
        except CredentialsUnusable:
            if found is None or found.expires_s <= time():
                raise
        assert self._found is not None
        return self._found

    def _look(self) -> Credentials:
        if self._is_sandbox:
            from cyclone_core.aws.lean import sandbox

            return sandbox.credentials()
        if self.profile is None and (found := of_environment()) is not None:
            return found
        return self._of_profile(profiles.read_profiles()) or self._of_machine()

    def _of_profile(self, known: "Sections") -> "Credentials | None":
        name = self._name()
        settings = known.get(name)
        if settings is None:
            if self.profile or name != "default":
                raise self._unknown(name)
            settings = {}
        if any(setting in settings for setting in _BY_LIBRARY):
            return self._of_library()
        if "aws_access_key_id" in settings:
            return self._of_keys(settings)
        if "login_session" in settings:
            return self._of_library()
        if "credential_process" in settings:
            from cyclone_core.aws.lean.process import of_process

            return of_process(settings["credential_process"], self.source)
        return None

    def _of_keys(self, settings: "dict[str, str]") -> Credentials:
        secret = settings.get("aws_secret_access_key")
        if not secret:
            what = f"{self.source.words} are incomplete: aws_secret_access_key is missing"
            raise CredentialsUnusable(f"{what}. {self.source.remedy}", "PartialCredentialsError")
        return Credentials(settings["aws_access_key_id"], secret, settings.get("aws_session_token", ""))

    def _of_machine(self) -> Credentials:
        if os.environ.get("AWS_WEB_IDENTITY_TOKEN_FILE"):
            return self._of_library()
        from cyclone_core.aws.lean import machine

        found = machine.of_container(self.source) or machine.of_instance()
        if found is None:
            source = self.source
            where = f" for profile {source.profile}" if source.profile else ""
            raise CredentialsUnusable(f"there are no AWS credentials{where}. {source.remedy}", "NoCredentialsError")
        return found

    def _of_library(self) -> Credentials:
        from cyclone_core.aws.lean import kept

        return kept.find(self._name(), self.profile, EARLY_S, self.source)

    def _unknown(self, name: str) -> CredentialsUnusable:
        remedy = f"Those that there are: aws configure list-profiles; make it with aws configure --profile {name}"
        return CredentialsUnusable(f"there is no profile {name} in your AWS configuration. {remedy}", "ProfileNotFound")


def _is_fresh(found: Credentials) -> bool:
    return not found.expires_s or found.expires_s - time() > EARLY_S
