"""What is sent for an operation of a service: method, path, headers and body. Pure."""

from cyclone_core.aws.lean import jsons
from cyclone_core.aws.lean.exchange import Body
from cyclone_core.aws.lean.signing import EMPTY, digest, quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, BinaryIO

_TARGETS = {
    "dynamodb": ("DynamoDB_20120810", "application/x-amz-json-1.0"),
    "sqs": ("AmazonSQS", "application/x-amz-json-1.0"),
    "ssm": ("AmazonSSM", "application/x-amz-json-1.1"),
}
"""What names an operation of the services that take JSON, and how they call it."""
_LAMBDA = "/2015-03-31/functions/"


class Request:
    """A request before it is signed. headers: names in small letters."""

    __slots__ = (
        "begin",
        "body",
        "bucket",
        "headers",
        "into",
        "is_json",
        "method",
        "operation",
        "parameters",
        "path",
        "payload",
        "query",
        "repeats",
        "service",
    )

    def __init__(self, service: str, operation: str, method: str, path: str, body: "Body | None" = None, payload: str = EMPTY) -> None:
        """operation: as AWS names it; path: quoted, without the bucket; payload: SHA-256 of the body."""
        self.service, self.operation, self.method, self.path = service, operation, method, path
        self.body, self.payload = body or Body(), payload
        self.headers: dict[str, str] = {}
        self.is_json = service in _TARGETS or service == "batch"
        """Whether good answers are JSON."""
        self.query = self.bucket = ""
        """query: canonical."""
        self.parameters: dict[str, Any] = {}
        """As they were asked for, for messages and meters."""
        self.into: Callable[[bytes], object] | None = None
        """Takes the body of a good answer."""
        self.begin: Callable[[], object] | None = None
        """Called before each attempt."""
        self.repeats = True
        """Whether doing it twice is harmless, so that it is sent again when nobody knows whether it was done."""


def of_json(service: str, operation: str, parameters: "dict[str, Any]") -> Request:
    """A request to DynamoDB, SQS or SSM. A transaction gets a token, so that it is done once however often it is sent."""
    if operation == "TransactWriteItems" and "ClientRequestToken" not in parameters:
        from os import urandom

        parameters = {**parameters, "ClientRequestToken": urandom(18).hex()}
    prefix, kind = _TARGETS[service]
    made = _with(Request(service, operation, "POST", "/"), jsons.dumps(parameters), kind)
    made.headers["x-amz-target"] = f"{prefix}.{operation}"
    made.parameters = parameters
    return made


def of_batch(operation: str, parameters: "dict[str, Any]") -> Request:
    """A request to Batch. Submitting is not repeated when nobody knows whether it was done: each is a job of its own."""
    made = _with(Request("batch", operation, "POST", f"/v1/{operation.lower()}"), jsons.dumps(parameters), "application/json")
    made.parameters = parameters
    made.repeats = operation != "SubmitJob"
    return made


def of_ec2(operation: str, parameters: "dict[str, Any]") -> Request:
    """A request to EC2. What makes something is repeated only with a token."""
    from cyclone_core.aws.lean import ec2

    made = _with(Request("ec2", operation, "POST", "/"), ec2.form(operation, parameters), ec2.FORM)
    made.parameters = parameters
    made.repeats = ec2.repeats(operation, parameters)
    return made


def of_invoke(function: str, payload: object, wait: bool) -> Request:
    """A call of a function. function: name or ARN."""
    body = jsons.dumps(payload)
    made = _with(Request("lambda", "Invoke", "POST", f"{_LAMBDA}{quote(function)}/invocations"), body, "application/json")
    made.headers["x-amz-invocation-type"] = "RequestResponse" if wait else "Event"
    made.parameters = {"FunctionName": function}
    return made


def of_identity() -> Request:
    """Who asks? STS has no JSON: a form goes there, XML comes back."""
    form = "application/x-www-form-urlencoded; charset=utf-8"
    return _with(Request("sts", "GetCallerIdentity", "POST", "/"), b"Action=GetCallerIdentity&Version=2011-06-15", form)


def of_object(operation: str, method: str, bucket: str, key: str, data: bytes = b"") -> Request:
    """A request about an object of S3."""
    return _of_s3(operation, method, bucket, f"/{quote(key, '/')}", Body(data), digest(data) if data else EMPTY, {"Key": key})


def of_upload(bucket: str, key: str, file: "BinaryIO", size: int) -> Request:
    """A file from where it stands, into an object; it is read twice, first for its digest."""
    from hashlib import sha256

    body, whole = Body(file=file, size=size), sha256()
    for piece in body.pieces():
        whole.update(piece)
    return _of_s3("PutObject", "PUT", bucket, f"/{quote(key, '/')}", body, whole.hexdigest(), {"Key": key})


def of_deletion(bucket: str, keys: "list[str]") -> Request:
    """Delete up to 1,000 objects."""
    from binascii import a2b_hex, b2a_base64

    entries = "".join(f"<Object><Key>{_escaped(key)}</Key></Object>" for key in keys)
    body = f'<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{entries}<Quiet>true</Quiet></Delete>'.encode()
    made = _of_s3("DeleteObjects", "POST", bucket, "/", Body(body), digest(body), {"Keys": keys})
    made.query = "delete="
    made.headers["content-type"] = "application/xml"
    made.headers["x-amz-checksum-sha256"] = b2a_base64(a2b_hex(made.payload), newline=False).decode()
    return made


def of_listing(bucket: str, prefix: str, after: str) -> Request:
    """Names of objects. after: the token of the last page."""
    from cyclone_core.aws.lean.signing import query

    made = _of_s3("ListObjectsV2", "GET", bucket, "/", Body(), EMPTY, {"Prefix": prefix})
    made.query = query({"list-type": "2", "prefix": prefix, **({"continuation-token": after} if after else {})})
    return made


def _of_s3(operation: str, method: str, bucket: str, path: str, body: Body, payload: str, parameters: "dict[str, Any]") -> Request:
    made = Request("s3", operation, method, path, body, payload)
    made.bucket = bucket
    made.headers["x-amz-content-sha256"] = payload
    made.parameters = {"Bucket": bucket, **parameters}
    return made


def _with(request: Request, body: bytes, kind: str) -> Request:
    request.body, request.payload = Body(body), digest(body)
    request.headers["content-type"] = kind
    return request


def _escaped(text: str) -> str:
    for plain, written in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\r", "&#13;"), ("\n", "&#10;")):
        text = text.replace(plain, written)
    return text
