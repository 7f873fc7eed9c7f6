"""Certificates of authorities, as users give them: a file, or its text (PEM). Checked before anything is made of them.

Only what OpenSSL takes for a certificate of an authority passes. A private key is never kept: who put one into the file is told.
"""

import ssl
from pathlib import Path

_BEGIN = "-----BEGIN CERTIFICATE-----"


def authority(given: str) -> str:
    """The certificate, PEM. given: it, or the path of a file with it. Raises ValueError with what is wrong, for people."""
    text = given if "-----BEGIN" in given else _read(given)
    if "PRIVATE KEY-----" in text:
        raise ValueError("it has a private key in it, which is nobody's business but the authority's. Give the certificate alone")
    if _BEGIN not in text:
        raise ValueError(f"it has no certificate in it. A certificate in PEM begins with {_BEGIN}")
    text = text[text.index(_BEGIN) :].strip() + "\n"
    if not text.isascii():
        raise ValueError("it has other characters than those of PEM. Give the certificate alone")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cadata=text)
    except ssl.SSLError as exc:
        raise ValueError("OpenSSL cannot read it as a certificate. Check it: openssl x509 -noout -text -in FILE") from exc
    found = context.cert_store_stats()
    if not found["x509_ca"] or found["x509_ca"] != found["x509"]:
        what = (
            "it is a machine's certificate, not its authority's" if found["x509"] == 1 else "not every certificate in it is an authority's"
        )
        raise ValueError(f"{what} (basicConstraints has no CA:TRUE). Give the certificate that signs those of the machines")
    return text


def _read(path: str) -> str:
    try:
        return Path(path).expanduser().read_text(encoding="utf-8")
    except OSError as exc:
        raise ValueError(f"{path} cannot be read: {exc.strerror}. Give a file, or the certificate itself (PEM)") from exc
    except UnicodeDecodeError as exc:
        raise ValueError(f"{path} is no text. Write it as PEM: openssl x509 -inform der -in FILE -out FILE.pem") from exc
