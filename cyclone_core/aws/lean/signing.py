"""AWS Signature Version 4: what proves that a request comes from who has a secret key. Pure.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from time import gmtime, strftime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hashlib import sha256

    from cyclone_core.aws.lean.credentials import Credentials
else:
    try:
        from _sha256 import sha256  # Python 3.11; hashlib would load all of OpenSSL, 2 ms
    except ImportError:
        try:
            from _sha2 import sha256  # since Python 3.12
        except ImportError:
            from hashlib import sha256

EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
"""Digest of no bytes."""
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_ESCAPES = [chr(byte) if byte in _UNRESERVED else f"%{byte:02X}" for byte in range(256)]
_INNER, _OUTER = bytes(byte ^ 0x36 for byte in range(256)), bytes(byte ^ 0x5C for byte in range(256))
_BLOCK = 64
_LARGE = 1 << 16
_NEVER_SIGNED = frozenset(("authorization", "connection", "expect", "transfer-encoding", "user-agent", "x-amzn-trace-id"))
"""What proxies may change."""
_keys: "dict[tuple[str, str, str, str], bytes]" = {}


def quote(text: str, safe: str = "") -> str:
    """A text for a URL: all but letters, digits, `-._~` and `safe` as %XX of its UTF-8 bytes."""
    if not safe:
        return "".join([_ESCAPES[byte] for byte in text.encode("utf-8", "surrogateescape")])
    return safe[0].join([quote(part, safe[1:]) for part in text.split(safe[0])])


def query(parameters: "dict[str, str]") -> str:
    """Parameters as the canonical query of a URL, which is also sent as it is."""
    return "&".join(f"{name}={value}" for name, value in sorted((quote(name), quote(value)) for name, value in parameters.items()))


def digest(data: bytes) -> str:
    """SHA-256 in hexadecimal."""
    if len(data) > _LARGE:
        from hashlib import sha256 as quick  # OpenSSL's: three times faster

        return quick(data).hexdigest()
    return sha256(data).hexdigest()


def sign(
    method: str,
    path: str,
    query: str,
    headers: "dict[str, str]",
    payload: str,
    credentials: "Credentials",
    region: str,
    service: str,
    now: float,
) -> None:
    """Add what proves the sender to a request's headers (names in small letters, with `host`): Authorization, x-amz-date and the token.

    path, query: as they are sent, the query in canonical order; payload: digest of the body; now: seconds since 1970, UTC.
    """
    time = strftime("%Y%m%dT%H%M%SZ", gmtime(now))
    headers["x-amz-date"] = time
    if credentials.token:
        headers["x-amz-security-token"] = credentials.token
    names = sorted(name for name in headers if name not in _NEVER_SIGNED)
    lines = "".join([f"{name}:{' '.join(headers[name].split())}\n" for name in names])
    signed = ";".join(names)
    canonical = f"{method}\n{path if service == 's3' else quote(path, '/')}\n{query}\n{lines}\n{signed}\n{payload}"
    scope = f"{time[:8]}/{region}/{service}/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{time}\n{scope}\n{sha256(canonical.encode()).hexdigest()}"
    signature = _hmac(_key(credentials.secret, time[:8], region, service), text.encode()).hex()
    headers["authorization"] = f"AWS4-HMAC-SHA256 Credential={credentials.key}/{scope}, SignedHeaders={signed}, Signature={signature}"


def _key(secret: str, day: str, region: str, service: str) -> bytes:
    about = secret, day, region, service
    if about not in _keys:
        if len(_keys) > 64:  # days and keys go by in a long program
            _keys.clear()
        key = f"AWS4{secret}".encode()
        for part in (day, region, service, "aws4_request"):
            key = _hmac(key, part.encode())
        _keys[about] = key
    return _keys[about]


def _hmac(key: bytes, text: bytes) -> bytes:
    """HMAC-SHA-256 (RFC 2104): `hmac` would load OpenSSL for it."""
    if len(key) > _BLOCK:
        key = sha256(key).digest()
    key = key.ljust(_BLOCK, b"\0")
    return sha256(key.translate(_OUTER) + sha256(key.translate(_INNER) + text).digest()).digest()
