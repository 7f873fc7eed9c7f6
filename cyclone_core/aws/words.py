"""What is told of a refusal, and of silence, whichever way AWS was asked: what was asked, why it failed, what to do next.

Messages of AWS are shown, but no part of them that may hold a key or a token. Loaded when something has failed.
"""

import re
from dataclasses import dataclass

from cyclone_core.aws.codes import CLOCK, CLOCK_WORDS, DENIED, EXPIRED, NOT_ENABLED, THROTTLED, UNKNOWN_KEYS
from cyclone_core.aws.credentials import Source
from cyclone_core.errors import AccessDenied, AwsError, CredentialsUnusable, RegionUnavailable

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


@dataclass(frozen=True)
class Refused:
    """A refusal as AWS words it."""

    code: str
    message: str
    status: int
    """of HTTP"""

    @property
    def doubts_keys(self) -> bool:
        """Whether it says that the keys are unknown: in a region that has to be enabled it can mean that it is not."""
        return self.code in UNKNOWN_KEYS


def is_opt_in(region: str) -> bool:
    """Whether accounts have to enable this region before they can use it."""
    return region not in _ALWAYS_ENABLED and not _OTHER_PARTITION.match(region)


def of_refusal(what: Refused, asked: Asked, source: Source, caller: str = "", enabled: bool = True) -> AwsError:
    """What a refusal means to a user. source, caller, enabled: see `errors.translate`."""
    code, message = what.code, what.message
    if code in NOT_ENABLED or (not enabled and what.doubts_keys):
        why = f"{asked.region} is not enabled for this account: {asked.service} answers {code}"
        return RegionUnavailable(f"{why}. Enable it: aws account enable-region --region-name {asked.region}, or leave it out", code)
    if code in EXPIRED:
        return CredentialsUnusable(f"{source.words} have expired. {source.remedy}", code)
    if code in CLOCK or message.startswith(CLOCK_WORDS):
        return CredentialsUnusable(
            f"{asked.service} refuses requests of this machine: its clock is wrong. Set the clock, then try again", code
        )
    if code in UNKNOWN_KEYS:
        return CredentialsUnusable(f"{source.words} cannot be used: {asked.service} does not know them ({code}). {source.remedy}", code)
    if code in DENIED:
        return _denied(message, asked, source, caller, code)
    if code in THROTTLED:
        why = f"{asked.service} in {asked.region} goes on refusing {asked.operation}: too many requests ({code})"
        return AwsError(f"{why}. Try again in some minutes", "Throttling", asked.action)
    if what.status >= 500:
        return AwsError(f"{asked.service} in {asked.region} failed at {asked.operation}: {clean(message) or code}. Try again later", code)
    return AwsError(f"{asked.service} in {asked.region} refused {asked.operation}: {clean(message) or code}", code, asked.action)


def _denied(message: str, asked: Asked, source: Source, caller: str, code: str) -> AwsError:
    found, because = _SPEAKING.search(message), _BECAUSE.search(message)
    action = found["action"] if found else asked.action
    resource = found["resource"].rstrip(".,") if found and found["resource"] else ""
    where = f" on {clean(resource)}" if resource and resource != "*" else f" in {asked.region}"
    who = caller or f"who has {source.words}"
    why = clean(because["why"].strip()) if because else "no policy allows it"
    remedy = "Have it allowed (docs/aws-permissions.md lists what Cyclone needs), or use other credentials"
    return AccessDenied(f"{who} may not {action}{where}: {why}. {remedy}", code, action)


def of_silence(code: str, shown: str, asked: Asked, source: Source) -> AwsError:
    """What it means that a service does not answer. code: as AWS's library names it; shown: what is known besides."""
    why = {
        "ConnectTimeoutError": "no connection was made in time",
        "ReadTimeoutError": "it took a request and gave no answer in time",
        "EndpointConnectionError": "no connection could be made",
        "ConnectionClosedError": "it closed the connection",
        "ProxyConnectionError": "the proxy (HTTPS_PROXY) does not answer",
        "SSLError": f"its certificate is not accepted ({shown})",
    }.get(code, shown)
    if source.kind == "sandbox":
        return RegionUnavailable(
            f"the sandbox does not answer for {asked.service} in {asked.region}: {why}. See hyper sandbox status", code
        )
    advice = "Check the network and the region's name, then try again; what is done stays"
    return RegionUnavailable(f"{asked.service} in {asked.region} does not answer: {why}. {advice}", code)


def clean(text: str) -> str:
    """One line, without what looks like a key, a token or an encoded message."""
    line = " ".join(text.split())
    return _KEY.sub("…", line).strip().rstrip(".")
