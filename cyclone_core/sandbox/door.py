"""Who may send requests to the sandbox: programs of this machine, by its own names. What a web page can send is refused.

A page that somebody visits can make the browser send requests to 127.0.0.1, also under a host name of its own that suddenly resolves to
that address (DNS rebinding). Such requests carry a foreign Host, an Origin, or Sec-Fetch-Site. They could do little without keys, but
ministack has pages for its own purposes that ask for none: those are closed, but for what its parts need among themselves. Every other
request has to be signed, also where AWS or ministack would take one that is not.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from cyclone_core.sandbox.faults import FaultFile, RequestFault

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

_HOST = re.compile(r"(?:127\.0\.0\.1|(?:[a-z0-9._-]+\.)?localhost)(?::\d+)?", re.IGNORECASE)
_OPEN_PAGES = re.compile(r"/_ministack/(?:health$|cfn-response/|cfn-signal/)|/_aws/execute-api/|/restapis/[^/]+/[^/]+/_user_request_/")
"""Pages that need no signature here: those of ministack carry a random token that custom resources and wait conditions got, or tell
nothing; the others are APIs, with keys or signatures of their own."""
_EXECUTE_API = re.compile(r"[a-z0-9]+\.execute-api\.", re.IGNORECASE)
_SIGNED_LINK = re.compile(r"(?:^|&)(?:X-Amz-)?Signature=")
_SCOPE = re.compile(r"Credential=[^/,\s]+/\d{8}/([^/,\s]+)/([^/,\s]+)/aws4_request")
_XML_SERVICES = ("cloudformation", "ec2", "iam", "monitoring", "s3", "sns", "sts")
"""Services whose errors are XML."""


class Door:
    """An ASGI application before another one."""

    def __init__(self, application: Application, faults: FaultFile) -> None:
        self._application, self._faults = application, faults

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """One connection or request."""
        if scope["type"] == "lifespan":
            await self._application(scope, receive, send)
        elif scope["type"] == "http":
            await self._request(scope, receive, send)
        elif (await receive())["type"] == "websocket.connect":
            await send({"type": "websocket.close", "code": 1008})

    async def _request(self, scope: Message, receive: Receive, send: Send) -> None:
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        why = refusal(headers, scope["path"], scope["query_string"].decode("latin-1"))
        if why:
            await _answer(send, 403, "application/json", json.dumps({"__type": "AccessDeniedException", "message": why}))
            return
        fault = self._fault_of(headers)
        if fault is not None:
            await asyncio.sleep(fault.delay_s)
        if fault is not None and fault.code:
            await _answer(send, fault.status, *error_body(fault))
            return
        await self._application(scope, receive, send)

    def _fault_of(self, headers: Mapping[str, str]) -> RequestFault | None:
        found = _SCOPE.search(headers.get("authorization", ""))
        return self._faults.current().request_fault(found[2], found[1]) if found else None


def refusal(headers: Mapping[str, str], path: str, query: str) -> str:
    """Why a request is not let in, "" when it is. headers: names in lower case."""
    if not _HOST.fullmatch(headers.get("host", "")):
        return "The sandbox answers to 127.0.0.1 and localhost only."
    if "origin" in headers or headers.get("sec-fetch-site", "none") != "none":
        return "The sandbox does not answer web pages."
    if _OPEN_PAGES.match(path) or _EXECUTE_API.match(headers["host"]):
        return ""
    if path.startswith(("/_ministack", "/_localstack", "/_aws")):
        return "This page is closed."
    is_signed = headers.get("authorization", "").startswith("AWS4-HMAC-SHA256 ") or _SIGNED_LINK.search(query)
    return "" if is_signed else "The request is not signed."


def error_body(fault: RequestFault) -> tuple[str, str]:
    """Content type and body of an error, as the service's clients read it."""
    message = "Asked for by the sandbox's faults."
    if fault.service in _XML_SERVICES:
        error = f"<Error><Code>{fault.code}</Code><Message>{message}</Message></Error>"
        outer = {"s3": error, "ec2": f"<Response><Errors>{error}</Errors><RequestID>0</RequestID></Response>"}
        return "text/xml", outer.get(fault.service, f"<ErrorResponse>{error}<RequestId>0</RequestId></ErrorResponse>")
    return "application/json", json.dumps({"__type": fault.code, "code": fault.code, "message": message})


async def _answer(send: Send, status: int, content_type: str, body: str) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", content_type.encode())]})
    await send({"type": "http.response.body", "body": body.encode()})
