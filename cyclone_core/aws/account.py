"""An AWS account as somebody reaches it: credentials, the identity behind them, regions, and clients.

Credentials come from the usual chain (environment, profiles, SSO, roles, this machine's role); an account on the sandbox has an `Endpoint`,
and then nothing else of this machine's AWS configuration counts. Making the first client costs 0.3 s, each further service up to 0.1 s and
a service in another region some milliseconds, so they are made when first used and kept.
"""

import os
import threading
from dataclasses import dataclass
from functools import cache
from typing import Any

from botocore.config import Config
from botocore.credentials import JSONFileCache
from botocore.exceptions import BotoCoreError, ClientError, CredentialRetrievalError, NoCredentialsError
from botocore.loaders import create_loader
from botocore.session import Session

from cyclone_core.aws import credentials
from cyclone_core.aws.client import Client, Patience, outlast_throttling
from cyclone_core.aws.credentials import Kind, Source
from cyclone_core.aws.errors import doubts_keys, translate
from cyclone_core.aws.words import Asked, is_opt_in
from cyclone_core.errors import AwsError, CredentialsUnusable

SIGN_IN_REGION = "us-east-1"
"""Where the identity is asked for when the chosen region may not be enabled."""
_LOCAL = {"proxies": {}, "use_fips_endpoint": False, "use_dualstack_endpoint": False}
"""Of clients of the sandbox, whatever the environment says: it is on this machine."""
_CONNECTIONS = 32
"""Of each client: so many threads ask at once."""


@dataclass(frozen=True)
class Endpoint:
    """An AWS elsewhere: the sandbox."""

    url: str
    credentials_file: str
    profile: str


@dataclass(frozen=True)
class Identity:
    """Who asks."""

    account: str
    """Twelve digits."""
    arn: str
    partition: str = "aws"

    @property
    def is_root(self) -> bool:
        """Whether it is the account's root user, who may do everything."""
        return self.arn.endswith(":root")

    @property
    def principal(self) -> str:
        """ARN of the user or role with the policies: of a session that of its role, without a path, which a session does not tell."""
        if ":assumed-role/" not in self.arn:
            return self.arn
        return f"arn:{self.partition}:iam::{self.account}:role/{self.arn.split('/')[1]}"


@dataclass(frozen=True)
class Profile:
    """A profile of the user's AWS configuration."""

    name: str
    kind: Kind
    region: str = ""
    account: str = ""
    """Where the profile says it, "" elsewhere."""


class Account:
    """Clients and identity of one set of credentials. Threads may share it; nothing is asked before it has to be."""

    def __init__(
        self,
        profile: str | None = None,
        region: str | None = None,
        endpoint: Endpoint | None = None,
        expected: str = "",
        patience: Patience | None = None,
    ) -> None:
        """profile: of the AWS configuration, None for what the environment says; region: for what belongs to none, None for the profile's.

        endpoint: of the sandbox, its profile counts then; expected: the account's number, if the credentials must belong to one.
        """
        self.profile, self.endpoint = endpoint.profile if endpoint else profile, endpoint
        self._region, self._expected, self._patience = region, expected, patience or Patience()
        self._lock, self._asking = threading.RLock(), threading.Lock()
        self._made: Any = None
        self._clients: dict[tuple[str, str], Client] = {}
        self._identity: Identity | None = None

    @property
    def default_region(self) -> str:
        """The region for what belongs to none: the given one, the environment's or the profile's, else us-east-1."""
        if self._region:
            return self._region
        if self.endpoint is None and (found := os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")):
            return found
        return str(self._settings().get("region") or SIGN_IN_REGION)

    @property
    def source(self) -> Source:
        """Where the credentials come from."""
        if self.endpoint is not None:
            return Source("sandbox", self.endpoint.profile)
        name = self.profile or os.environ.get("AWS_PROFILE") or os.environ.get("AWS_DEFAULT_PROFILE") or "default"
        return credentials.source_of(name, self.profile is not None, self._profiles())

    def identity(self) -> Identity:
        """Who the credentials belong to, asked once.

        Raises CredentialsUnusable, with what to do, when there are none, they are not accepted, or are another account's than expected.
        """
        with self._asking:
            if self._identity is None:
                region = SIGN_IN_REGION if is_opt_in(self.default_region) else self.default_region
                answer = self.client("sts", region).ask("GetCallerIdentity")
                found = Identity(str(answer["Account"]), str(answer["Arn"]), str(answer["Arn"]).split(":")[1])
                self._check(found)
                self._identity = found
            return self._identity

    def client(self, service: str, region: str = "") -> Client:
        """A service in a region, made once; region: "" for the default one. Raises CredentialsUnusable for an unknown profile."""
        region = region or self.default_region
        with self._lock:
            if (service, region) not in self._clients:
                self._clients[service, region] = self._new(service, region)
            return self._clients[service, region]

    def regions(self) -> tuple[str, ...]:
        """Regions that are enabled for the account. Raises AwsError."""
        answer = self.client("ec2").ask("DescribeRegions")
        return tuple(sorted(str(entry["RegionName"]) for entry in answer["Regions"]))

    def keys(self) -> tuple[str, str, str, float]:
        """Access key, secret key and session token as they are now, and their end in seconds since 1970, 0 for none.

        Raises CredentialsUnusable, with what to do.
        """
        asked = Asked("sts", "any request", self.default_region)
        try:
            found = self._session().get_credentials()
            if found is None:
                raise NoCredentialsError
            frozen, end = found.get_frozen_credentials(), getattr(found, "_expiry_time", None)  # there is no public way to the end
        except (BotoCoreError, ClientError) as exc:
            raise self._explain(exc, asked) from exc
        return frozen.access_key, frozen.secret_key, frozen.token or "", end.timestamp() if end else 0.0

    # -- inside -------------------------------------------------------------------------------------------------------
    def _check(self, found: Identity) -> None:
        if self._expected and found.account != self._expected:
            what = f"{self.source.words} belong to account {found.account}, and account {self._expected} is wanted"
            raise CredentialsUnusable(f"{what}. Use those of a profile of that account: export AWS_PROFILE=NAME", "WrongAccount")

    def _new(self, service: str, region: str) -> Client:
        config = Config(
            connect_timeout=self._patience.connect_s,
            read_timeout=self._patience.read_s,
            retries={"mode": "standard", "total_max_attempts": self._patience.attempts},
            max_pool_connections=_CONNECTIONS,
            user_agent_extra="cyclone",
            **(_LOCAL if self.endpoint else {}),
        )
        try:
            made = self._session().create_client(
                service, region_name=region, endpoint_url=self.endpoint.url if self.endpoint else None, config=config
            )
        except BotoCoreError as exc:
            raise self._explain(exc, Asked(service, "any request", region)) from exc
        outlast_throttling(made, self._patience)
        return Client(made, service, region, self._explain)

    def _explain(self, exc: Exception, asked: Asked) -> AwsError:
        """An exception of AWS's library in our words."""
        caller = self._identity.arn if self._identity else ""
        return translate(exc, asked, self.source, caller, self._is_enabled(exc, asked))

    def _is_enabled(self, exc: Exception, asked: Asked) -> bool:
        """False when it is the region that does not know the keys: elsewhere they are accepted."""
        if not doubts_keys(exc) or not is_opt_in(asked.region) or asked.service == "sts":
            return True
        try:
            self.identity()
        except AwsError:
            return True
        return False

    def _session(self) -> Any:
        with self._lock:
            if self._made is None:
                self._made = _new_session(self.profile, self.endpoint)
            return self._made

    def _profiles(self) -> dict[str, dict[str, Any]]:
        return _profiles(self._session())

    def _settings(self) -> dict[str, Any]:
        name = self.profile or os.environ.get("AWS_PROFILE") or os.environ.get("AWS_DEFAULT_PROFILE") or "default"
        return self._profiles().get(name, {})


def profiles() -> tuple[Profile, ...]:
    """The profiles of the user's AWS configuration, by name; none when it cannot be read. Nothing is asked of AWS."""
    found = _profiles(_new_session(None, None))
    return tuple(_profile(name, found) for name in sorted(found))


def _profile(name: str, known: dict[str, dict[str, Any]]) -> Profile:
    settings = known[name]
    role = str(settings.get("role_arn", "")).split(":")
    account = str(settings.get("sso_account_id") or (role[4] if len(role) > 4 else ""))
    return Profile(name, credentials.source_of(name, True, known, {}).kind, str(settings.get("region", "")), account)


def _profiles(session: Any) -> dict[str, dict[str, Any]]:
    try:
        found: dict[str, dict[str, Any]] = session.full_config.get("profiles", {})
    except BotoCoreError:  # a malformed file: the first request says so
        return {}
    return found


def _new_session(profile: str | None, endpoint: Endpoint | None) -> Any:
    session = Session(profile=profile)
    if endpoint is not None:
        session.set_config_variable("credentials_file", endpoint.credentials_file)
        session.set_config_variable("config_file", os.devnull)
        session.set_config_variable("profile", endpoint.profile)
    session.register_component("data_loader", _loader())
    _ask_nobody(session)
    return session


def _ask_nobody(session: Any) -> None:
    """A role that wants a code would ask for it on the terminal: the session that the `aws` command keeps is used instead."""

    def refuse(prompt: str) -> str:
        raise CredentialRetrievalError(provider="assume-role", error_msg="a code of a multi-factor device is needed")

    try:
        provider = session.get_component("credential_provider").get_provider("assume-role")
    except BotoCoreError:  # an unknown profile: the first client says so
        return
    provider.cache = JSONFileCache(os.path.join(os.path.expanduser("~"), ".aws", "cli", "cache"))
    provider._prompter = refuse  # there is no public way to set it


@cache
def _loader() -> Any:
    """Reads the descriptions of the services, megabytes of JSON, once for all accounts, whatever profile each has."""
    return create_loader(os.environ.get("AWS_DATA_PATH"))
