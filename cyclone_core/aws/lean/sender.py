"""One request on its way: signed, sent, repeated while that helps, and its refusal put into words."""

import os
from time import monotonic, sleep, time

from cyclone_core.aws.codes import EXPIRED, UNKNOWN_KEYS
from cyclone_core.aws.lean import endpoints, jsons, requests, told
from cyclone_core.aws.lean.links import NoAnswer, forwards
from cyclone_core.aws.lean.pool import Pool
from cyclone_core.aws.lean.refusals import between, refusal_of
from cyclone_core.aws.lean.retries import Tries
from cyclone_core.aws.lean.signing import sign

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from cyclone_core.aws.lean.credentials import Credentials
    from cyclone_core.aws.lean.endpoints import Endpoint
    from cyclone_core.aws.lean.exchange import Answer
    from cyclone_core.aws.lean.refusals import Refusal
    from cyclone_core.aws.lean.requests import Request
    from cyclone_core.aws.patience import Patience

    Meter = Callable[[str, str, dict[str, Any], dict[str, Any], int, int], None]
    """Called after each answer: service, operation, parameters, JSON of the answer or {}, bytes of the request's and the answer's body."""

_CLOCKS_DIFFER_S = 240.0
"""AWS accepts five minutes: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html"""
_AGENT = "cyclone"


class Clock:
    """How far AWS's clock is ahead of ours, as its answers told; shared by the clients of all regions."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def learn(self, date: str) -> bool:
        """Take over the time of an answer's Date header; whether that makes a difference that matters."""
        from email.utils import mktime_tz, parsedate_tz

        parsed = parsedate_tz(date)
        if parsed is None:
            return False
        ahead_s = mktime_tz(parsed) - time()
        if abs(ahead_s - self.ahead_s) < _CLOCKS_DIFFER_S:
            return False
        self.ahead_s = ahead_s
        return True


class Sender:
    """Sends requests to one region. Threads share it."""

    def __init__(
        self,
        region: str,
        credentials: "Callable[[], Credentials]",
        endpoint: "str | None",
        patience: "Patience",
        beside: "Sender | None" = None,
    ) -> None:
        """beside: of another region, whose connections and clock are used too."""
        self.region, self.endpoint, self.credentials, self.patience = region, endpoint, credentials, patience
        self.pool: Pool = beside.pool if beside else Pool(patience)
        self._clock: Clock = beside._clock if beside else Clock()
        self._places: dict[str, tuple[Endpoint, bool]] = {}

    def send(self, request: "Request", meter: "Meter | None") -> "Answer":
        """The good answer to a request. Raises AwsError."""
        tries, mended = Tries(self.patience, request.repeats, _random), set[str]()
        while True:
            credentials = self.credentials()
            try:
                answer = self._once(request, credentials)
                _read(request, answer)
            except NoAnswer as exc:
                pause = tries.after_silence(exc)
                if pause is None:
                    raise told.of_silence(exc, request, self) from exc
                sleep(pause)
                continue
            if meter is not None:
                meter(request.service, request.operation, request.parameters, answer.json, request.body.size, answer.size)
            if answer.status < 300:
                return answer
            refusal = refusal_of(answer)
            if self._mend(refusal, answer, credentials, mended):
                continue
            pause = tries.after_refusal(refusal, monotonic())
            if pause is None:
                raise told.of_refusal(refusal, request, self)
            sleep(pause)

    def beside(self, region: str) -> "Sender":
        """The same in another region; connections and clock are shared."""
        return Sender(region, self.credentials, self.endpoint, self.patience, self)

    def identity(self, meter: "Meter | None" = None) -> "tuple[str, str]":
        """Account number and ARN of whose credentials these are. Raises AwsError."""
        text = self.send(requests.of_identity(), meter).body.decode("utf-8", "replace")
        return between(text, "Account"), between(text, "Arn")

    # -- inside -------------------------------------------------------------------------------------------------------
    def _once(self, request: "Request", credentials: "Credentials") -> "Answer":
        endpoint, path = self._place(request)
        headers = {"host": endpoint.host, **request.headers}
        now_s = time() + self._clock.ahead_s
        sign(request.method, path, request.query, headers, request.payload, credentials, self.region, request.service, now_s)
        scheme = endpoint.address[0]
        target = f"{scheme}://{endpoint.host}{path}" if forwards(scheme, endpoint.address[1]) else path
        lines = [f"{request.method} {target}{'?' if request.query else ''}{request.query} HTTP/1.1", f"user-agent: {_AGENT}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if request.body.size or request.method in ("POST", "PUT"):
            lines.append(f"content-length: {request.body.size}")
        head = "\r\n".join((*lines, "", "")).encode("latin-1")
        if request.begin is not None:
            request.begin()
        return self.pool.ask(endpoint.address, head, request.body, request.method != "HEAD", request.into)

    def _place(self, request: "Request") -> "tuple[Endpoint, str]":
        """Where a request goes, and its path there. Buckets of AWS are domains, elsewhere they are directories."""
        if request.service not in self._places:
            self._places[request.service] = endpoints.find(request.service, self.region, self.endpoint)
        endpoint, is_aws = self._places[request.service]
        if not request.bucket:
            return endpoint, endpoint.path + request.path
        if is_aws and "." not in request.bucket:  # certificates are for one name below it
            return endpoint.below(request.bucket), request.path
        return endpoint, f"{endpoint.path}/{request.bucket}{request.path if request.path != '/' else ''}"

    def _mend(self, refusal: "Refusal", answer: "Answer", used: "Credentials", mended: "set[str]") -> bool:
        """Whether the reason of a refusal is gone now: a wrong clock, or keys that have been replaced. Each once a request."""
        if refusal.may_be_clock and "clock" not in mended:
            mended.add("clock")
            if self._clock.learn(answer.headers.get("date", "")):
                return True
        forget = getattr(self.credentials, "forget", None)
        if (refusal.code in EXPIRED or refusal.code in UNKNOWN_KEYS) and "keys" not in mended and forget is not None:
            mended.add("keys")
            forget()
            now = self.credentials()
            return (now.key, now.secret, now.token) != (used.key, used.secret, used.token)
        return False


def _read(request: "Request", answer: "Answer") -> None:
    """Raises NoAnswer where a good answer should be JSON or XML and is not: something between us and AWS answers."""
    if request.service == "ec2":
        _read_xml(answer)
        return
    if answer.body[:1] != b"{" and not request.is_json:
        return
    try:
        answer.json = jsons.loads(answer.body) if answer.body else {}
    except ValueError as exc:
        if request.is_json and answer.status < 300:
            raise NoAnswer("BadAnswer", "its answer is no JSON", sent=True) from exc


def _read_xml(answer: "Answer") -> None:
    """Of EC2; refusals are read where all are."""
    if answer.status >= 300:
        return
    from cyclone_core.aws.lean import ec2

    try:
        answer.json = ec2.loads(answer.body)
    except ValueError as exc:
        raise NoAnswer("BadAnswer", "its answer is no XML", sent=True) from exc


def _random() -> float:
    """0..1; `random` would cost a job command 5 ms."""
    return int.from_bytes(os.urandom(4), "big") / (1 << 32)
