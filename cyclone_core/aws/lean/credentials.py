"""Credentials for signing, and where they come from."""

import os

from cyclone_core.errors import CredentialsUnusable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Provider = Callable[[], "Credentials"]


class Credentials:
    """An access key. Its text never shows the secret parts."""

    __slots__ = ("expires_s", "key", "secret", "token")

    def __init__(self, key: str, secret: str, token: str = "", expires_s: float = 0.0) -> None:
        """expires_s: seconds since 1970, 0 for never."""
        self.key, self.secret, self.token, self.expires_s = key, secret, token, expires_s

    def __repr__(self) -> str:
        return f"Credentials({self.key[:4]}…)"


def of_environment() -> "Credentials | None":
    """What AWS_ACCESS_KEY_ID and its companions say, None where they say nothing. Raises CredentialsUnusable for half of them."""
    key, secret = os.environ.get("AWS_ACCESS_KEY_ID"), os.environ.get("AWS_SECRET_ACCESS_KEY")
    if not key:
        return None
    if not secret:
        what = "the credentials in this shell's AWS_ACCESS_KEY_ID are incomplete: AWS_SECRET_ACCESS_KEY is missing"
        raise CredentialsUnusable(f"{what}. Export it too, or unset both and use a profile", "PartialCredentialsError")
    return Credentials(key, secret, os.environ.get("AWS_SESSION_TOKEN") or os.environ.get("AWS_SECURITY_TOKEN") or "")


def of_answer(found: "dict[str, Any]", secret: str, token: str) -> Credentials:
    """Credentials as endpoints and programs tell them. Raises KeyError, TypeError or ValueError for what is none."""
    end = found.get("Expiration")
    expires_s = 0.0
    if end:
        from datetime import datetime

        expires_s = datetime.fromisoformat(str(end).replace("Z", "+00:00")).timestamp()
    return Credentials(str(found["AccessKeyId"]), str(found[secret]), str(found.get(token) or ""), expires_s)
