"""Credentials of the role that a container or an instance was given, and what else an instance's metadata tells.

https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html,
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html (IMDSv2 only)
"""

import os

from cyclone_core.aws.lean import jsons
from cyclone_core.aws.lean.credentials import Credentials, of_answer
from cyclone_core.aws.lean.endpoints import Endpoint
from cyclone_core.aws.lean.exchange import Body
from cyclone_core.aws.lean.links import NoAnswer
from cyclone_core.aws.lean.pool import Pool
from cyclone_core.aws.patience import Patience
from cyclone_core.errors import CredentialsUnusable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cyclone_core.aws.credentials import Source
    from cyclone_core.aws.lean.exchange import Answer

_ECS = "http://169.254.170.2"
_TRUSTED = ("127.0.0.1", "localhost", "[::1]", "169.254.170.2", "169.254.170.23", "[fd00:ec2::23]")
"""Hosts to which a token goes without encryption."""
_TOKEN_S = 21_600
_ATTEMPTS = 3


def of_container(source: "Source") -> "Credentials | None":
    """Credentials of this container's role, None where it has none. Raises CredentialsUnusable."""
    environment = os.environ
    relative, full = environment.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"), environment.get("AWS_CONTAINER_CREDENTIALS_FULL_URI")
    if not relative and not full:
        return None
    try:
        endpoint = Endpoint(f"{_ECS}{relative}" if relative else full or "")
        if endpoint.address[0] == "http" and endpoint.address[1] not in _TRUSTED:
            raise CredentialsUnusable(f"{source.words} cannot be used: {endpoint.address[1]} is asked without encryption. {source.remedy}")
        headers = {"accept": "application/json"}
        if token := _authorization():
            headers["authorization"] = token
        return of_answer(_object(_ask(Patience(2.0, 2.0), "GET", endpoint, headers)), "SecretAccessKey", "Token")
    except (NoAnswer, OSError, ValueError, KeyError, TypeError) as exc:
        why = exc if isinstance(exc, NoAnswer | OSError) else "it answers with no credentials"
        raise CredentialsUnusable(f"{source.words} cannot be used: {why}. {source.remedy}", "MetadataRetrievalError") from exc


def of_instance() -> "Credentials | None":
    """Credentials of this machine's role, None where it is no instance or has none."""
    if os.environ.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true":
        return None
    metadata = Metadata()
    try:
        role = metadata.get("iam/security-credentials/")
        text = metadata.get(f"iam/security-credentials/{role.split()[0]}") if role else ""
        return of_answer(jsons.loads(text.encode()), "SecretAccessKey", "Token") if text else None
    except (NoAnswer, ValueError, KeyError, TypeError):
        return None


class Metadata:
    """What an instance is told about itself, by IMDSv2. Not for two threads at once."""

    def __init__(self) -> None:
        url = os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT") or "http://169.254.169.254"
        self._endpoint, self._token = Endpoint(url), ""
        self._patience = Patience(1.0, 1.0, attempts=1)

    def get(self, path: str) -> str:
        """The value of `latest/meta-data/PATH`, "" where there is none. Raises NoAnswer where there is no such service."""
        for _ in range(2):
            if not self._token:
                self._token = self._new_token()
            answer = self._ask("GET", f"/latest/meta-data/{path}", {"x-aws-ec2-metadata-token": self._token})
            if answer.status != 401:  # the token has expired
                break
            self._token = ""
        return answer.body.decode() if answer.status == 200 else ""

    def _new_token(self) -> str:
        answer = self._ask("PUT", "/latest/api/token", {"x-aws-ec2-metadata-token-ttl-seconds": str(_TOKEN_S)})
        if answer.status != 200:
            raise NoAnswer("NoToken", f"it gives no token ({answer.status})")
        return answer.body.decode()

    def _ask(self, method: str, path: str, headers: "dict[str, str]") -> "Answer":
        endpoint = Endpoint("{}://{}:{}".format(*self._endpoint.address))
        endpoint.path = self._endpoint.path + path
        return _once(self._patience, method, endpoint, headers)


def _authorization() -> str:
    path = os.environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
    if not path:
        return os.environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN", "")
    with open(path, encoding="utf-8") as file:
        return file.read().strip()


def _object(answer: "Answer") -> "dict[str, object]":
    if answer.status != 200:
        raise NoAnswer("Refused", f"it answers with status {answer.status}")
    found: dict[str, object] = jsons.loads(answer.body)
    return found


def _ask(patience: Patience, method: str, endpoint: Endpoint, headers: "dict[str, str]") -> "Answer":
    for left in range(_ATTEMPTS - 1, -1, -1):
        try:
            answer = _once(patience, method, endpoint, headers)
        except NoAnswer:
            if not left:
                raise
        else:
            if answer.status < 500 or not left:
                break
    return answer


def _once(patience: Patience, method: str, endpoint: Endpoint, headers: "dict[str, str]") -> "Answer":
    lines = [f"{method} {endpoint.path or '/'} HTTP/1.1", f"host: {endpoint.host}", "connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if method == "PUT":
        lines.append("content-length: 0")
    return Pool(patience).ask(endpoint.address, "\r\n".join((*lines, "", "")).encode("latin-1"), Body())
