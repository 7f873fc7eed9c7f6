"""The metadata service of one instance (IMDSv2), on a port of its own: what it is, credentials of its role, and notices."""

import json
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

_PREFIX = "/latest/meta-data/"
_KEYS_S = 6 * 3600


class Metadata:
    """Serves until it is closed. `notices`: path -> what is told there from now on."""

    def __init__(self, facts: Mapping[str, str], role: str, credentials: Callable[[], Mapping[str, str]]) -> None:
        """facts: path below meta-data -> value; role: name of the instance's, "" for none; credentials: its keys, as variables."""
        self.notices: dict[str, str] = {}
        self._facts, self._role, self._credentials = facts, role, credentials
        self.token = secrets.token_urlsafe(24)

        class Handler(_Handler):
            told = self

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.2,), name="instance metadata", daemon=True).start()

    @property
    def endpoint(self) -> str:
        """Its URL, for AWS_EC2_METADATA_SERVICE_ENDPOINT."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """It answers no more."""
        self._server.shutdown()
        self._server.server_close()

    def at(self, path: str) -> str | None:
        """What is told at a path; None where there is nothing."""
        roles = "iam/security-credentials/"
        if path == roles and self._role:
            return self._role
        if path == f"{roles}{self._role}" and self._role:
            return self._keys()
        return self.notices.get(path) or self._facts.get(path)

    def _keys(self) -> str:
        keys, until = self._credentials(), time.gmtime(time.time() + _KEYS_S)
        return json.dumps(
            {
                "Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": keys["AWS_ACCESS_KEY_ID"],
                "SecretAccessKey": keys["AWS_SECRET_ACCESS_KEY"], "Token": keys["AWS_SESSION_TOKEN"],
                "LastUpdated": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                "Expiration": time.strftime("%Y-%m-%dT%H:%M:%SZ", until),
            }
        )  # fmt: skip


class _Handler(BaseHTTPRequestHandler):
    """A request; those without the token are refused."""

    told: ClassVar[Metadata]

    def do_PUT(self) -> None:
        """The token."""
        self._answer(200 if self.path == "/latest/api/token" else 404, self.told.token)

    def do_GET(self) -> None:
        """One value."""
        if self.headers.get("X-aws-ec2-metadata-token") != self.told.token:
            self._answer(401, "")
            return
        found = self.told.at(self.path.removeprefix(_PREFIX)) if self.path.startswith(_PREFIX) else None
        self._answer(404 if found is None else 200, found or "")

    def _answer(self, status: int, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is logged."""
