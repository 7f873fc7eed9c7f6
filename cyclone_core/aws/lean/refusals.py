"""What an answer that is no success says, and what is done about it: repeat, wait, set the clock, or tell the user. Pure."""

from cyclone_core.aws.codes import CLOCK, THROTTLED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cyclone_core.aws.lean.exchange import Answer

_CLOCK = CLOCK | {"InvalidSignatureException", "RequestExpired", "SignatureDoesNotMatch"}
"""Codes that are due to a wrong clock when the clocks do differ."""
_TRANSIENT = frozenset(("InternalFailure", "InternalServerError", "RequestTimeout", "RequestTimeoutException", "ServiceUnavailable"))
_BUSY = frozenset(("KmsThrottled", "TransactionConflictException"))
"""Codes of other kinds for what passes by itself."""
_PASSING = frozenset(("None", "ProvisionedThroughputExceeded", "ThrottlingError", "TransactionConflict"))
"""Why parts of a transaction were refused that may succeed a moment later."""


class Refusal:
    """An answer that is no success."""

    __slots__ = ("answer", "code", "message", "status")

    def __init__(self, status: int, code: str, message: str, answer: "dict[str, Any]") -> None:
        """code: AWS's word, without the service's name; answer: its JSON, as far as it is some."""
        self.status, self.code, self.message, self.answer = status, code, message, answer

    @property
    def is_throttling(self) -> bool:
        """Whether the same may be accepted a moment later."""
        if self.code == "TransactionCanceledException":
            reasons: list[dict[str, Any]] = self.answer.get("CancellationReasons") or [{}]
            return all(reason.get("Code") in _PASSING for reason in reasons)
        return self.code in THROTTLED or self.code in _BUSY or self.status == 429

    @property
    def is_failure(self) -> bool:
        """Whether the service failed, so that the same may succeed when it is asked again."""
        return self.status >= 500 or self.code in _TRANSIENT

    @property
    def may_be_clock(self) -> bool:
        """Whether it can be due to this machine's clock."""
        return self.code in _CLOCK


def refusal_of(answer: "Answer") -> Refusal:
    """What an answer says that is no success."""
    text = answer.body[:1]
    if text == b"<":
        return _of_xml(answer)
    body: dict[str, Any] = answer.json if isinstance(answer.json, dict) else {}
    code = str(body.get("__type") or answer.headers.get("x-amzn-errortype") or body.get("code") or body.get("Code") or answer.status)
    code = code.split(":http")[0].rpartition("#")[2].partition(":")[0]
    message = body.get("message") or body.get("Message") or body.get("errorMessage") or ""
    return Refusal(answer.status, code, str(message), body)


def between(text: str, tag: str, start: int = 0) -> str:
    """What an XML element without attributes holds, "" where there is none."""
    at = text.find(f"<{tag}>", start)
    end = text.find(f"</{tag}>", at)
    return unescaped(text[at + len(tag) + 2 : end]) if 0 <= at < end else ""


def unescaped(text: str) -> str:
    """A text of XML as it was before."""
    if "&" not in text:
        return text
    from html import unescape

    return unescape(text)


def _of_xml(answer: "Answer") -> Refusal:
    text = answer.body.decode("utf-8", "replace")
    return Refusal(answer.status, between(text, "Code") or str(answer.status), between(text, "Message"), {})
