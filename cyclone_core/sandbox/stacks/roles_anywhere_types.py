"""AWS::RolesAnywhere::*: anchors and profiles that stacks make. Nobody gets credentials by them here: the sandbox has no such service."""

import uuid
from collections.abc import Callable

from cyclone_core.sandbox.stacks.resource_type import Made, Properties

Scope = Callable[[], tuple[str, str]]
"""(account, region) of the stack."""


class _Anywhere:
    """What they share: an id of its own, and everything but that may change in place."""

    name = name_property = ""
    replacing: tuple[str, ...] = ()
    _kind = _attribute = ""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def create(self, logical_id: str, properties: Properties) -> Made:
        """Make one."""
        self._check(properties)
        account, region = self._scope()
        return self._made(str(uuid.uuid4()), account, region)

    def update(self, physical_id: str, old: Properties, new: Properties, logical_id: str) -> Made:
        """Change it."""
        self._check(new)
        return self._made(physical_id, *self._scope())

    def delete(self, physical_id: str, properties: Properties) -> None:
        """Nothing is left of it."""

    def _made(self, physical_id: str, account: str, region: str) -> Made:
        arn = f"arn:aws:rolesanywhere:{region}:{account}:{self._kind}/{physical_id}"
        return physical_id, {f"{self._attribute}Arn": arn, f"{self._attribute}Id": physical_id}

    def _check(self, properties: Properties) -> None:
        raise NotImplementedError


class TrustAnchor(_Anywhere):
    """AWS::RolesAnywhere::TrustAnchor."""

    name = "AWS::RolesAnywhere::TrustAnchor"
    _kind, _attribute = "trust-anchor", "TrustAnchor"

    def _check(self, properties: Properties) -> None:
        source = properties.get("Source", {})
        if (
            source.get("SourceType") == "CERTIFICATE_BUNDLE"
            and "-----BEGIN CERTIFICATE-----" not in source["SourceData"]["X509CertificateData"]
        ):
            raise ValueError("Resource handler returned message: Invalid request provided: Incorrect basic constraints for CA certificate")


class Profile(_Anywhere):
    """AWS::RolesAnywhere::Profile."""

    name = "AWS::RolesAnywhere::Profile"
    _kind, _attribute = "profile", "Profile"

    def _check(self, properties: Properties) -> None:
        if not properties.get("RoleArns"):
            raise ValueError("Resource handler returned message: Invalid request provided: a profile needs a role")


TYPES = (TrustAnchor, Profile)
