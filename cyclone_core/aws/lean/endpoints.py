"""Where services listen: https://docs.aws.amazon.com/general/latest/gr/rande.html. Environment variables name others.

Of the rules of AWS's libraries there is what Cyclone's services need: partitions by the region's name, `AWS_ENDPOINT_URL_SERVICE` before
`AWS_ENDPOINT_URL`, AWS_USE_FIPS_ENDPOINT. Not there: dual-stack endpoints, and endpoints that a profile names.
"""

import os

from cyclone_core.errors import AwsError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cyclone_core.aws.lean.links import Address

_SUFFIXES = {"cn-": "amazonaws.com.cn", "us-iso-": "c2s.ic.gov", "us-isob-": "sc2s.sgov.gov", "us-isof-": "csp.hci.ic.gov"}
_SUFFIXES |= {"eu-isoe-": "cloud.adc-e.uk", "eusc-": "amazonaws.eu"}


class Endpoint:
    """Where a service listens. `path` is what its URLs begin with, without a slash at the end."""

    __slots__ = ("address", "host", "path")

    def __init__(self, url: str) -> None:
        """Raises AwsError for what is no http or https URL."""
        scheme, _, rest = url.partition("://")
        authority, _, path = rest.partition("/")
        name, port = authority, ""
        if ":" in authority and not authority.endswith("]"):
            name, _, port = authority.rpartition(":")
        if scheme not in ("http", "https") or not name or "@" in name or (port and not port.isdecimal()):
            raise AwsError(f"{url!r} is no address of a service: https://NAME is. Correct AWS_ENDPOINT_URL", "InvalidEndpoint")
        self.address: Address = (scheme, name, int(port or (443 if scheme == "https" else 80)))
        self.host = name if port in ("", {"http": "80", "https": "443"}[scheme]) else authority
        self.path = f"/{path}".rstrip("/")

    def below(self, name: str) -> "Endpoint":
        """The same in a domain below it: a bucket's."""
        scheme, host, port = self.address
        made = Endpoint(f"{scheme}://{name}.{host}:{port}")
        made.path = self.path
        return made


def suffix(region: str) -> str:
    """The domain of a region's partition."""
    return next((domain for beginning, domain in _SUFFIXES.items() if region.startswith(beginning)), "amazonaws.com")


def find(service: str, region: str, given: "str | None" = None) -> "tuple[Endpoint, bool]":
    """Where a service of a region listens, and whether that is AWS itself; given: in place of what the environment says.

    Raises AwsError for an address that is none.
    """
    environment = os.environ
    url = given
    if url is None and environment.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() != "true":
        url = environment.get(f"AWS_ENDPOINT_URL_{service.upper()}") or environment.get("AWS_ENDPOINT_URL")
    if url:
        return Endpoint(url), False
    if not region or not all(char.isalnum() or char == "-" for char in region):
        raise AwsError(f"{region!r} is no region of AWS. Correct its name", "NoSuchRegion")
    return Endpoint(f"https://{_name(service, region)}.{region}.{suffix(region)}"), True


def _name(service: str, region: str) -> str:
    """A service as its domain calls it."""
    if os.environ.get("AWS_USE_FIPS_ENDPOINT", "").lower() != "true":
        return service
    if region.startswith("us-gov-") and service not in ("lambda", "s3"):  # there all are
        return service
    return "fips.batch" if service == "batch" else f"{service}-fips"
