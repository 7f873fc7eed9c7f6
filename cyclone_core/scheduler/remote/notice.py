"""What an EC2 instance knows of itself and tells whoever asks from within: its id, and that its spot capacity will be taken back.

By the metadata service, with a session (IMDSv2, https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html). A
container reaches it only where its instance allows a second hop; where it does not answer at first it is not asked again. The notice comes
two minutes before, best effort, and is to be looked for every 5 s
(https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html).
"""

import os
from _socket import AF_INET, SOCK_STREAM, getaddrinfo, socket

LOOK_S = 5.0
_ADDRESS = "http://169.254.169.254"
_PATIENCE_S = 1.0
_SESSION_S = 21_600


class Metadata:
    """The instance's metadata. `is_there` is False once it did not answer."""

    __slots__ = ("_host", "_port", "_token", "is_there")

    def __init__(self, address: str = "") -> None:
        """address: http://HOST[:PORT], by default where it is on AWS."""
        address = address or os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT") or _ADDRESS
        host, _, port = address.partition("://")[2].strip("/").partition(":")
        self._host, self._port, self._token = host, int(port or 80), ""
        self.is_there = os.environ.get("AWS_EC2_METADATA_DISABLED", "").lower() != "true" and bool(host)

    def instance(self) -> str:
        """The instance's id, "" where nobody tells."""
        return self._get("/latest/meta-data/instance-id")

    def is_interrupted(self) -> bool:
        """Whether the instance will be stopped or terminated within two minutes."""
        return bool(self._get("/latest/meta-data/spot/instance-action"))

    def _get(self, path: str) -> str:
        if not self.is_there:
            return ""
        try:
            for _ in range(2):
                if not self._token:
                    _, self._token = self._ask("PUT", "/latest/api/token", f"X-aws-ec2-metadata-token-ttl-seconds: {_SESSION_S}")
                status, text = self._ask("GET", path, f"X-aws-ec2-metadata-token: {self._token}")
                if status != 401:
                    return text if status == 200 else ""
                self._token = ""
        except (OSError, ValueError):
            self.is_there = bool(self._token)  # it has answered before: it will again
        return ""

    def _ask(self, method: str, path: str, header: str) -> "tuple[int, str]":
        place = getaddrinfo(self._host, self._port, AF_INET, SOCK_STREAM)[0][4]
        sock = socket(AF_INET, SOCK_STREAM)
        sock.settimeout(_PATIENCE_S)
        try:
            sock.connect(place)
            length = "Content-Length: 0\r\n" if method == "PUT" else ""
            sock.sendall(f"{method} {path} HTTP/1.0\r\nHost: {self._host}\r\n{length}{header}\r\n\r\n".encode())
            answer = b""
            while piece := sock.recv(4096):
                answer += piece
        finally:
            sock.close()
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head.split(b" ", 2)[1]), body.decode("ascii", "replace").strip()
