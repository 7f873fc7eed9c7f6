"""Exceptions of AWS's library as Cyclone's, once. What they say of refusals and of silence is in `words`."""

from typing import Any

from botocore import exceptions as botocore

from cyclone_core.aws.credentials import Source
from cyclone_core.aws.words import Asked, Refused, clean, of_refusal, of_silence
from cyclone_core.errors import AwsError, CredentialsUnusable, RegionUnavailable


def doubts_keys(exc: Exception) -> bool:
    """Whether a refusal says that the keys are unknown: in a region that has to be enabled it can mean that it is not."""
    return isinstance(exc, botocore.ClientError) and _refusal(exc).doubts_keys


def translate(exc: Exception, asked: Asked, source: Source, caller: str = "", enabled: bool = True) -> AwsError:
    """What an exception of AWS's library means to a user.

    source: of the credentials that were used; caller: whose ARN they are, "" while that is unknown; enabled: False when the keys
    are known to be well elsewhere, and this region has to be enabled.
    """
    if isinstance(exc, botocore.ClientError):
        return of_refusal(_refusal(exc), asked, source, caller, enabled)
    if isinstance(exc, (botocore.HTTPClientError, botocore.ConnectionError)):
        return of_silence(type(exc).__name__, _shown(exc), asked, source)
    if isinstance(exc, _CREDENTIALS):
        return _no_credentials(exc, source)
    if isinstance(exc, botocore.NoRegionError):
        return AwsError(f"{asked.action} cannot be asked: no region is chosen. Choose one: export AWS_REGION=us-east-1", "NoRegion")
    if isinstance(exc, (botocore.InvalidRegionError, botocore.EndpointProviderError, botocore.UnknownRegionError)):
        return RegionUnavailable(
            f"{asked.region!r} is no region of AWS for {asked.service}: {_shown(exc)}. Correct its name", "NoSuchRegion"
        )
    return AwsError(f"{asked.operation} could not be asked of {asked.service} in {asked.region}: {_shown(exc)}", type(exc).__name__)


_CREDENTIALS = (
    botocore.NoCredentialsError, botocore.PartialCredentialsError, botocore.ProfileNotFound, botocore.CredentialRetrievalError,
    botocore.SSOError, botocore.TokenRetrievalError, botocore.NoAuthTokenError, botocore.UnknownCredentialError, botocore.ConfigParseError,
    botocore.InvalidConfigError, botocore.InfiniteLoopConfigError, botocore.MetadataRetrievalError,
    botocore.RefreshWithMFAUnsupportedError, *([botocore.LoginError] if hasattr(botocore, "LoginError") else []),
)  # fmt: skip


def _refusal(exc: Any) -> Refused:
    error, about = exc.response.get("Error", {}), exc.response.get("ResponseMetadata", {})
    return Refused(str(error.get("Code", "")), str(error.get("Message", "")), int(about.get("HTTPStatusCode", 0)))


def _no_credentials(exc: Any, source: Source) -> AwsError:
    code, fields = type(exc).__name__, exc.kwargs
    if source.kind == "sandbox":
        return CredentialsUnusable(f"{source.words} are gone: it was stopped. Start it again, as an empty one: hyper sandbox start", code)
    if isinstance(exc, botocore.ProfileNotFound):
        known = "Those that there are: aws configure list-profiles; make it with aws configure --profile"
        return CredentialsUnusable(
            f"there is no profile {fields.get('profile')} in your AWS configuration. {known} {fields.get('profile')}", code
        )
    if isinstance(exc, botocore.NoCredentialsError):
        where = f" for profile {source.profile}" if source.profile else ""
        return CredentialsUnusable(f"there are no AWS credentials{where}. {source.remedy}", code)
    if isinstance(exc, botocore.PartialCredentialsError):
        return CredentialsUnusable(f"{source.words} are incomplete: {fields.get('cred_var')} is missing. {source.remedy}", code)
    if isinstance(exc, botocore.ConfigParseError):
        return CredentialsUnusable(f"your AWS configuration cannot be read: {fields.get('path')} is malformed. Correct it", code)
    if source.kind in ("sso", "login"):
        return CredentialsUnusable(f"{source.words} cannot be used: its sign-in has expired or was never made. {source.remedy}", code)
    return CredentialsUnusable(f"{source.words} cannot be used: {_shown(exc)}. {source.remedy}", code)


def _shown(exc: Exception) -> str:
    return clean(str(exc))
