"""AWS in one region, as job commands, functions and workers ask it.

One request is signed, sent over a kept connection, repeated as long as that helps, and its answer read; what stays refused is an AwsError.
Like AWS's own libraries, a request of which nobody knows whether it was done is sent again (SubmitJob is not): who writes with
a condition may find that its own first attempt has fulfilled it.
"""

import os

from cyclone_core.aws.lean import jsons, requests, told
from cyclone_core.aws.lean.refusals import between, unescaped
from cyclone_core.aws.lean.sender import Sender
from cyclone_core.aws.patience import Patience
from cyclone_core.errors import AwsError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any, BinaryIO

    from cyclone_core.aws.lean.credentials import Credentials
    from cyclone_core.aws.lean.exchange import Answer
    from cyclone_core.aws.lean.requests import Request
    from cyclone_core.aws.lean.sender import Meter

MOST_KEYS = 1000
"""Of one DeleteObjects request."""
_WITH_UNITS = frozenset((
    "BatchGetItem", "BatchWriteItem", "DeleteItem", "GetItem", "PutItem", "Query", "Scan", "TransactGetItems", "TransactWriteItems",
    "UpdateItem",
))  # fmt: skip
"""Operations of DynamoDB that can tell what they take."""


class Aws:
    """A region of AWS. Threads share it; connections are kept open."""

    def __init__(
        self,
        region: str,
        credentials: "Callable[[], Credentials]",
        endpoint: "str | None" = None,
        meter: "Meter | None" = None,
        patience: "Patience | None" = None,
    ) -> None:
        """credentials: asked before each request, so it keeps what it knows; endpoint: URL of all services, the sandbox's.

        Nothing is asked of anybody yet.
        """
        self.region, self.meter = region, meter
        self._sender = Sender(region, credentials, endpoint, patience or Patience())

    def in_region(self, region: str) -> "Aws":
        """The same account in another region: credentials, connections and meter are shared."""
        ours = self._sender
        made = Aws(region, ours.credentials, ours.endpoint, self.meter, ours.patience)
        made._sender = ours.beside(region)
        return made

    def close(self) -> None:
        """Close idle connections; the next request opens a new one."""
        self._sender.pool.close()

    def identity(self) -> "tuple[str, str]":
        """Account number and ARN of whose credentials these are. Raises AwsError."""
        return self._sender.identity(self.meter)

    def check_account(self, account: str) -> None:
        """Ask AWS whose credentials these are. Raises CredentialsUnusable when they are not this account's, and AwsError."""
        found, _ = self.identity()
        if found != account:
            raise told.of_another_account(found, account, self._sender)

    # -- services that take JSON --------------------------------------------------------------------------------------
    def dynamodb(self, operation: str, **parameters: "Any") -> "dict[str, Any]":
        """An answer of DynamoDB, in its own JSON. Raises AwsError."""
        if operation in _WITH_UNITS and getattr(self.meter, "asks_units", False):
            parameters.setdefault("ReturnConsumedCapacity", "TOTAL")
        return self._json(requests.of_json("dynamodb", operation, parameters))

    def sqs(self, operation: str, **parameters: "Any") -> "dict[str, Any]":
        """An answer of SQS. Raises AwsError."""
        return self._json(requests.of_json("sqs", operation, parameters))

    def ssm(self, operation: str, **parameters: "Any") -> "dict[str, Any]":
        """An answer of Systems Manager (parameters). Raises AwsError."""
        return self._json(requests.of_json("ssm", operation, parameters))

    def batch(self, operation: str, **parameters: "Any") -> "dict[str, Any]":
        """An answer of Batch. Raises AwsError."""
        return self._json(requests.of_batch(operation, parameters))

    def ec2(self, operation: str, **parameters: "Any") -> "dict[str, Any]":
        """An answer of EC2, names and values as on the wire: `ec2.loads` tells how XML becomes this. parameters: see `ec2.form`.

        Raises AwsError; what makes something (CreateFleet) is repeated only when a ClientToken is given.
        """
        return self._json(requests.of_ec2(operation, parameters))

    def invoke(self, function: str, payload: object, wait: bool = False) -> "Any":
        """Call a function; what it answers when that is waited for, else None. function: name or ARN; payload: any JSON.

        Raises AwsError, with the function's own words when it fails.
        """
        answer = self.send(requests.of_invoke(function, payload, wait))
        said = jsons.loads(answer.body) if wait and answer.body else None
        if "x-amz-function-error" in answer.headers:
            why = said.get("errorMessage") if isinstance(said, dict) else said
            raise AwsError(f"the function {function} failed: {why}. Its log group tells more", "FunctionError", "lambda:InvokeFunction")
        return said

    # -- S3 -------------------------------------------------------------------------------------------------------------
    def put(self, bucket: str, key: str, data: bytes) -> None:
        """Store an object. Raises AwsError."""
        self.send(requests.of_object("PutObject", "PUT", bucket, key, data))

    def put_file(self, bucket: str, key: str, file: "BinaryIO", size: "int | None" = None) -> None:
        """Store what a file holds from where it stands, or `size` bytes of it; at most 5 GiB. Raises AwsError and OSError."""
        if size is None:
            at = file.tell()
            size = file.seek(0, os.SEEK_END) - at
            file.seek(at)
        self.send(requests.of_upload(bucket, key, file, size))

    def get(self, bucket: str, key: str, range: "tuple[int, int] | None" = None) -> bytes:
        """An object, or its bytes range[0]..range[1]-1 as far as there are any. Raises AwsError (NoSuchKey; InvalidRange past its end)."""
        request = requests.of_object("GetObject", "GET", bucket, key)
        if range is not None:
            if range[1] <= range[0]:
                return b""
            request.headers["range"] = f"bytes={range[0]}-{range[1] - 1}"
        return self.send(request).body

    def tail(self, bucket: str, key: str, count: int) -> bytes:
        """The last bytes of an object, all of it when it has no more than `count`. Raises AwsError (NoSuchKey)."""
        request = requests.of_object("GetObject", "GET", bucket, key)
        request.headers["range"] = f"bytes=-{count}"
        return self.send(request).body

    def get_to_file(self, bucket: str, key: str, file: "BinaryIO") -> int:
        """Write an object to a file where it stands, without holding it in memory; its bytes. Raises AwsError and OSError.

        The file can be sought in: an answer that breaks off is written over by the next attempt.
        """
        request, start = requests.of_object("GetObject", "GET", bucket, key), file.tell()
        request.begin = lambda: (file.seek(start), file.truncate())
        request.into = file.write
        return self.send(request).size

    def delete(self, bucket: str, keys: "Iterable[str]") -> None:
        """Delete objects; those that are not there are deleted. Raises AwsError."""
        left = list(keys)
        while left:
            batch, left = left[:MOST_KEYS], left[MOST_KEYS:]
            if len(batch) == 1:
                self.send(requests.of_object("DeleteObject", "DELETE", bucket, batch[0]))
                continue
            text = self.send(requests.of_deletion(bucket, batch)).body.decode("utf-8", "replace")
            if "<Error>" in text:
                what = f"{text.count('<Error>')} objects of bucket {bucket} cannot be deleted, the first is {between(text, 'Key')}"
                raise AwsError(f"{what}: {between(text, 'Message')}. Look at the bucket's policy", between(text, "Code"), "s3:DeleteObject")

    def list(self, bucket: str, prefix: str) -> "Iterator[str]":
        """Keys of the objects whose keys begin so, in order. Raises AwsError."""
        after = ""
        while True:
            text = self.send(requests.of_listing(bucket, prefix, after)).body.decode()
            for part in text.split("<Key>")[1:]:
                yield unescaped(part.partition("</Key>")[0])
            after = between(text, "NextContinuationToken")
            if not after:
                return

    # -- one request ----------------------------------------------------------------------------------------------------
    def _json(self, request: "Request") -> "dict[str, Any]":
        answer: dict[str, Any] = self.send(request).json
        return answer

    def send(self, request: "Request") -> "Answer":
        """The good answer to a request, which is repeated while that helps. Raises AwsError."""
        return self._sender.send(request, self.meter)
