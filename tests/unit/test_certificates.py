"""Certificates of authorities: what passes, and what is said of what does not."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from cyclone_core import certificates
from cyclone_core.resources import Cluster
from tests.certificates import AUTHORITY, MACHINE


def test_a_file_and_its_text_are_the_same(tmp_path: Path) -> None:
    """What is written before the certificate, as openssl does, is left out."""
    (tmp_path / "ca.pem").write_text(f"Certificate:\n    Data: …\n{AUTHORITY}")
    cluster = Cluster(name="lab", join_with="ROLES_ANYWHERE", certificate_authority=str(tmp_path / "ca.pem"))
    assert cluster.certificate_authority == AUTHORITY == certificates.authority(AUTHORITY)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (MACHINE, "a machine's certificate, not its authority's"),
        (AUTHORITY + MACHINE, "not every certificate in it is an authority's"),
        (AUTHORITY.replace("MII", "MIX", 1), "OpenSSL cannot read it"),
        ("-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\n" + AUTHORITY, "private key"),
        ("-----BEGIN PUBLIC KEY-----\nx\n", "no certificate in it"),
        ("/nowhere/ca.pem", "cannot be read: No such file or directory"),
    ],
)
def test_what_is_wrong_is_said(given: str, why: str) -> None:
    """In the model's own words."""
    with pytest.raises(ValidationError, match=why):
        Cluster(name="lab", certificate_authority=given)
