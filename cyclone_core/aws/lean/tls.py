"""Encrypted connections whose other end proves who it is, for 6 ms instead of the 60 ms that `ssl.create_default_context` costs.

`ssl` is Python around `_ssl`, which does all of the work: a client's context of it checks certificates and host names, and takes TLS 1.2 at
least, before anybody sets anything. Certificates of authorities are looked up in the system's directory by hash, one when it is
needed; only where that finds none they are all loaded (`ssl` of Python 3.11 to 3.14 calls `_ssl` exactly so).
"""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket
    from typing import Any

_contexts: "dict[tuple[str, bool], Any]" = {}


class Unusable(OSError):
    """The authorities that somebody named cannot be read."""


def wrap(sock: "socket", host: str) -> "Any":
    """A connected socket as an encrypted one with `read` and `write`, its certificate checked. Raises Unusable, and OSError (SSLError).

    AWS_CA_BUNDLE: a file, or a directory of hashed names, with authorities that count in place of the system's.
    """
    made = _context(_bundle(), False)._wrap_socket(sock, False, host)
    made.do_handshake()
    return made


def is_unknown_authority(exc: OSError) -> bool:
    """Whether a handshake failed because a certificate's authority was not found."""
    return type(exc).__name__ == "SSLCertVerificationError" and getattr(exc, "verify_code", 0) in (2, 18, 19, 20, 21)


def load_all() -> bool:
    """Use all of the system's authorities from now on; False where that was so already."""
    was, full = _contexts.get(("", False)), _context("", True)
    _contexts["", False] = full
    return was is not full and not _bundle()


def _bundle() -> str:
    """The file or directory that somebody named, as AWS's libraries look for it."""
    return os.environ.get("AWS_CA_BUNDLE") or os.environ.get("REQUESTS_CA_BUNDLE") or ""


def _context(bundle: str, full: bool) -> "Any":
    if (bundle, full) not in _contexts:
        _contexts[bundle, full] = _new(bundle, full)
    return _contexts[bundle, full]


def _new(bundle: str, full: bool) -> "Any":
    import _ssl

    context = _ssl._SSLContext(_ssl.PROTOCOL_TLS_CLIENT)
    if not context.check_hostname or context.verify_mode != _ssl.CERT_REQUIRED:
        raise OSError("this Python's ssl does not check certificates")
    directory = "" if full or bundle or "SSL_CERT_FILE" in os.environ or "SSL_CERT_DIR" in os.environ else _hashed()
    if bundle:
        try:
            context.load_verify_locations(**{"capath" if os.path.isdir(bundle) else "cafile": bundle})
        except OSError as exc:
            raise Unusable(f"AWS_CA_BUNDLE names {bundle}, which holds no certificates: {exc.strerror or exc}") from exc
    elif directory:
        context.load_verify_locations(capath=directory)
    else:
        context.set_default_verify_paths()
    return context


def _hashed() -> str:
    """The system's directory of authorities, "" where its files are not named by hash."""
    import _ssl

    directory = _ssl.get_default_verify_paths()[3]
    try:
        return directory if any(name.endswith(".0") for name in os.listdir(directory)) else ""
    except OSError:
        return ""
