"""AWS's exceptions as Cyclone's, once: what was asked, why it failed, what to do next.

Which codes mean what: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html and the services' own pages; every
service spells the common ones its own way. Messages of AWS are shown, but no part of them that may hold a key or a token.
"""

import re
from dataclasses import dataclass
from typing import Any

from botocore import exceptions as botocore

from cyclone_core.aws.credentials import Source
from cyclone_core.errors import AccessDenied, AwsError, CredentialsUnusable, RegionUnavailable

THROTTLED = frozenset((
    "BandwidthLimitExceeded", "EC2ThrottledException", "PriorRequestNotComplete", "ProvisionedThroughputExceededException",
    "RequestLimitExceeded", "RequestThrottled", "RequestThrottledException", "SlowDown", "ThrottledException", "Throttling",
    "ThrottlingException", "TooManyRequestsException", "TransactionInProgressException",
))  # fmt: skip
"""Codes for: too many requests, ask again later."""
_EXPIRED = frozenset(("ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"))
_UNKNOWN_KEYS = frozenset((
    "AuthFailure", "IncompleteSignature", "InvalidAccessKeyId", "InvalidClientTokenId", "InvalidSignatureException", "InvalidToken",
    "MissingAuthenticationToken", "MissingAuthenticationTokenException", "SignatureDoesNotMatch", "UnrecognizedClientException",
))  # fmt: skip
"""Codes for keys that AWS does not know; a region that is not enabled says the same of keys that are well."""
_CLOCK = frozenset(("RequestTimeTooSkewed", "RequestInTheFuture"))
_CLOCK_WORDS = ("Signature expired", "Signature not yet current")
"""How services say it that have no code of their own for it."""
_DENIED = frozenset((
    "403", "AccessDenied", "AccessDeniedException", "AuthorizationError", "AuthorizationErrorException",
    "Client.UnauthorizedOperation", "Forbidden", "NotAuthorized", "UnauthorizedOperation", "UnauthorizedException",
))  # fmt: skip
_NOT_ENABLED = frozenset(("OptInRequired", "RegionDisabledException", "SubscriptionRequiredException"))
_ALWAYS_ENABLED = frozenset((
    "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-1", "ap-southeast-2", "ca-central-1",
    "eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1", "us-east-1", "us-east-2", "us-west-1", "us-west-2",
))  # fmt: skip
"""https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html; later ones have to be enabled by the account."""
_OTHER_PARTITION = re.compile(r"(?:cn|us-gov|us-iso[a-z]?|eu-iso[a-z]?|eusc(?:-[a-z]+)?)-")
_ACTIONS = {
    ("s3", "HeadObject"): "s3:GetObject",
    ("s3", "HeadBucket"): "s3:ListBucket",
    ("s3", "ListObjectsV2"): "s3:ListBucket",
    ("s3", "ListObjectVersions"): "s3:ListBucketVersions",
    ("s3", "DeleteObjects"): "s3:DeleteObjectVersion",
    ("s3", "ListBuckets"): "s3:ListAllMyBuckets",
}
"""Requests whose IAM action has another name."""
_SPEAKING = re.compile(r"is not authorized to perform:? (?P<action>[a-z0-9-]+:\w+)(?: on resource:? (?P<resource>\S+))?", re.IGNORECASE)
_BECAUSE = re.compile(r"because (?P<why>[^.]+)")
_KEY = re.compile(r"(?<![\w+/=-])(?=\S*[a-z])(?=\S*[A-Z])(?=\S*\d)[A-Za-z0-9+/]{40}(?![\w+/=-])|[\w+/=-]{100,}")
"""What a secret key, a token or an encoded message looks like."""


@dataclass(frozen=True)
class Asked:
    """A request, for messages about it."""

    service: str
    """as clients are named: `cloudformation`"""
    operation: str
    """as AWS names it: `DescribeStacks`"""
    region: str

    @property
    def action(self) -> str:
        """The IAM action that it needs."""
        service = self.service.replace("-", "") if self.service == "service-quotas" else self.service
        return _ACTIONS.get((self.service, self.operation), f"{service}:{self.operation}")


def is_opt_in(region: str) -> bool:
    """Whether accounts have to enable this region before they can use it."""
    return region not in _ALWAYS_ENABLED and not _OTHER_PARTITION.match(region)


def doubts_keys(exc: Exception) -> bool:
    """Whether a refusal says that the keys are unknown: in a region that has to be enabled it can mean that it is not."""
    return isinstance(exc, botocore.ClientError) and code_of(exc) in _UNKNOWN_KEYS


def code_of(exc: Any) -> str:
    """AWS's word for what is wrong."""
    return str(exc.response.get("Error", {}).get("Code", ""))


def translate(exc: Exception, asked: Asked, source: Source, caller: str = "", enabled: bool = True) -> AwsError:
    """What an exception of AWS's library means to a user.

    source: of the credentials that were used; caller: whose ARN they are, "" while that is unknown; enabled: False when the keys
    are known to be well elsewhere, and this region has to be enabled.
    """
    if isinstance(exc, botocore.ClientError):
        return _refused(exc, asked, source, caller, enabled)
    if isinstance(exc, (botocore.HTTPClientError, botocore.ConnectionError)):
        return _no_answer(exc, asked, source)
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


def _refused(exc: Any, asked: Asked, source: Source, caller: str, enabled: bool) -> AwsError:
    code, message = code_of(exc), str(exc.response.get("Error", {}).get("Message", ""))
    if code in _NOT_ENABLED or (not enabled and doubts_keys(exc)):
        what = f"{asked.region} is not enabled for this account: {asked.service} answers {code}"
        return RegionUnavailable(f"{what}. Enable it: aws account enable-region --region-name {asked.region}, or leave it out", code)
    if code in _EXPIRED:
        return CredentialsUnusable(f"{source.words} have expired. {source.remedy}", code)
    if code in _CLOCK or message.startswith(_CLOCK_WORDS):
        return CredentialsUnusable(
            f"{asked.service} refuses requests of this machine: its clock is wrong. Set the clock, then try again", code
        )
    if code in _UNKNOWN_KEYS:
        return CredentialsUnusable(f"{source.words} cannot be used: {asked.service} does not know them ({code}). {source.remedy}", code)
    if code in _DENIED:
        return _denied(message, asked, source, caller, code)
    if code in THROTTLED:
        what = f"{asked.service} in {asked.region} goes on refusing {asked.operation}: too many requests ({code})"
        return AwsError(f"{what}. Try again in some minutes", "Throttling", asked.action)
    if int(exc.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)) >= 500:
        return AwsError(f"{asked.service} in {asked.region} failed at {asked.operation}: {_clean(message) or code}. Try again later", code)
    return AwsError(f"{asked.service} in {asked.region} refused {asked.operation}: {_clean(message) or code}", code, asked.action)


def _denied(message: str, asked: Asked, source: Source, caller: str, code: str) -> AwsError:
    found, because = _SPEAKING.search(message), _BECAUSE.search(message)
    action = found["action"] if found else asked.action
    resource = found["resource"].rstrip(".,") if found and found["resource"] else ""
    where = f" on {_clean(resource)}" if resource and resource != "*" else f" in {asked.region}"
    who = caller or f"who has {source.words}"
    why = _clean(because["why"].strip()) if because else "no policy allows it"
    remedy = "Have it allowed (docs/aws-permissions.md lists what Cyclone needs), or use other credentials"
    return AccessDenied(f"{who} may not {action}{where}: {why}. {remedy}", code, action)


def _no_answer(exc: Any, asked: Asked, source: Source) -> AwsError:
    code = type(exc).__name__
    why = {
        "ConnectTimeoutError": "no connection was made in time",
        "ReadTimeoutError": "it took a request and gave no answer in time",
        "EndpointConnectionError": "no connection could be made",
        "ConnectionClosedError": "it closed the connection",
        "ProxyConnectionError": "the proxy (HTTPS_PROXY) does not answer",
        "SSLError": f"its certificate is not accepted ({_shown(exc)})",
    }.get(code, _shown(exc))
    if source.kind == "sandbox":
        return RegionUnavailable(
            f"the sandbox does not answer for {asked.service} in {asked.region}: {why}. See hyper sandbox status", code
        )
    advice = "Check the network and the region's name, then try again; what is done stays"
    return RegionUnavailable(f"{asked.service} in {asked.region} does not answer: {why}. {advice}", code)


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
    return _clean(str(exc))


def _clean(text: str) -> str:
    """One line, without what looks like a key, a token or an encoded message."""
    line = " ".join(text.split())
    return _KEY.sub("…", line).strip().rstrip(".")
