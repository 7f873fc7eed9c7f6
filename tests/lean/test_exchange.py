"""Requests go out and answers come in over real connections, whatever the other end does."""

import io
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from pathlib import Path

import pytest

from cyclone_core.aws.lean.client import Aws
from cyclone_core.aws.lean.credentials import Credentials
from cyclone_core.aws.patience import Patience
from cyclone_core.errors import AwsError, CredentialsUnusable, RegionUnavailable
from tests.lean.peer import KEYS, QUICK, Asked, Script, close, good, peer, refusal

ITEM = good(b'{"Item":{"pk":{"S":"a"}}}')


def get(aws: Aws) -> dict[str, object]:
    """Any request."""
    return aws.dynamodb("GetItem", TableName="jobs", Key={"pk": {"S": "a"}})


def test_keep_alive() -> None:
    """Requests one after the other share a connection."""
    with peer(ITEM) as server:
        aws = server.aws()
        assert [get(aws) for _ in range(5)] == [{"Item": {"pk": {"S": "a"}}}] * 5
    assert server.connections == 1
    assert server.asked[0].headers["x-amz-target"] == "DynamoDB_20120810.GetItem"
    assert server.asked[0].body == b'{"TableName":"jobs","Key":{"pk":{"S":"a"}}}'


def test_threads_have_a_connection_each() -> None:
    """Requests of many threads get their own answers."""

    def echo(connection: socket.socket) -> None:
        time.sleep(0.005)
        connection.sendall(good(b'{"n":%d}' % len(server.asked)))

    with peer(echo) as server, ThreadPoolExecutor(8) as pool:
        aws = server.aws()
        answers = list(pool.map(lambda _: get(aws)["n"], range(80)))
    assert len(answers) == 80
    assert server.connections <= 8


@pytest.mark.parametrize("ending", ["closed by the server", "announced", "HTTP/1.0"])
def test_closed_connections_are_not_used_again(ending: str) -> None:
    """A connection that was closed between two requests costs nothing but a new one."""

    def answer(connection: socket.socket) -> bool:
        connection.sendall(ITEM)
        return False

    scripts: dict[str, Script] = {
        "closed by the server": answer,
        "announced": good(b"{}", "Connection: close"),
        "HTTP/1.0": b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\n{}",
    }
    with peer(scripts[ending]) as server:
        aws = server.aws()
        for _ in range(6):  # more than `attempts`
            get(aws)
            time.sleep(0.01)
    assert server.connections == 6


def test_a_kept_connection_that_ends_without_an_answer_is_no_failure() -> None:
    """Servers close idle connections when they like, also while a request is on its way: that costs no attempt."""
    with peer(ITEM, close, ITEM, close, ITEM) as server:
        aws = Aws("eu-west-1", lambda: KEYS, server.url, patience=Patience(1.0, 1.0, attempts=1))
        get(aws)
        get(aws)
        get(aws)
    assert [asked.connection for asked in server.asked] == [0, 0, 1, 1, 2]


def test_a_connection_that_was_closed_meanwhile_is_noticed_before_anything_is_sent() -> None:
    """So that also what is not repeated arrives."""

    def answer(connection: socket.socket) -> bool:
        connection.sendall(good())
        return False

    with peer(answer) as server:
        aws = server.aws()
        aws.batch("DescribeJobs", jobs=[])
        time.sleep(0.05)
        aws.batch("SubmitJob", jobName="x")
    assert [asked.connection for asked in server.asked] == [0, 1]


def test_submitting_to_batch_is_not_repeated_when_it_may_have_happened() -> None:
    """Each SubmitJob is a job of its own."""
    with peer(good(), close, good()) as server:
        aws = server.aws()
        aws.batch("DescribeJobs", jobs=[])
        with pytest.raises(RegionUnavailable, match="batch in eu-west-1 does not answer: it closed the connection"):
            aws.batch("SubmitJob", jobName="x")
    assert [asked.line for asked in server.asked] == ["POST /v1/describejobs HTTP/1.1", "POST /v1/submitjob HTTP/1.1"]


@pytest.mark.parametrize(
    "body",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{\"a\r\n4;x=y\r\n\":1}\r\n0\r\nx-trailer: 1\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n{\"a\":1}",
    ],
    ids=["chunked", "continue"],
)  # fmt: skip
def test_shapes_of_answers(body: bytes) -> None:
    """Answers in parts, and those that are announced; the connection serves on."""
    with peer(body) as server:
        aws = server.aws()
        assert get(aws) == get(aws) == {"a": 1}
    assert server.connections == 1


def test_answers_in_any_pieces() -> None:
    """Bytes arrive as the network likes."""

    def drip(connection: socket.socket) -> None:
        for byte in b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\n{"a":1}\r\n0\r\n\r\n':
            connection.sendall(bytes((byte,)))
            time.sleep(0.0005)

    with peer(drip) as server:
        aws = server.aws()
        assert get(aws) == get(aws) == {"a": 1}


@pytest.mark.parametrize(
    "garbage",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n-5\r\n",
        good(b"<html>sign in to the airport's network</html>"),
        good(b'{"Item":'),
        good(b"\xff\xfe"),
        b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 40_000,
    ],
)
def test_garbage(garbage: bytes) -> None:
    """What is no answer of AWS is repeated, and then told."""
    with peer(garbage) as server, pytest.raises(RegionUnavailable, match=r"dynamodb in eu-west-1 does not answer: .*Check the network"):
        get(server.aws())
    assert len(server.asked) == QUICK.attempts


def test_an_answer_that_breaks_off() -> None:
    """Half of an answer is none."""

    def half(connection: socket.socket) -> bool:
        connection.sendall(b'HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n{"a":1}')
        return False

    with peer(half, half, ITEM) as server:
        assert "Item" in get(server.aws())


def test_silence_ends() -> None:
    """An endpoint that takes requests and says nothing costs `attempts` times `read_s`."""
    begun = time.monotonic()
    with peer(lambda connection: None) as server, pytest.raises(RegionUnavailable, match="took a request and gave no answer in time"):
        get(server.aws())
    assert len(server.asked) == QUICK.attempts
    assert time.monotonic() - begun < 20


def test_nobody_listens() -> None:
    """A closed port."""
    with peer(ITEM) as server:
        aws = server.aws()
    with pytest.raises(RegionUnavailable, match="no connection could be made"):
        get(aws)


@pytest.mark.parametrize("status", ["500 Internal Server Error", "502 Bad Gateway", "503 Service Unavailable"])
def test_failures_of_the_service_are_repeated(status: str) -> None:
    """Twice, and the third answer counts."""
    failed = good(b"<html>oh</html>", status=status)
    with peer(failed, failed, ITEM) as server:
        assert "Item" in get(server.aws())
    with (
        peer(refusal("InternalServerError", "oh", status)) as server,
        pytest.raises(AwsError, match=r"failed at GetItem: oh\. Try again later"),
    ):
        get(server.aws())
    assert len(server.asked) == QUICK.attempts


def test_throttling_is_outlasted() -> None:
    """For longer than failures are, with a token that makes a transaction one."""
    throttled = refusal("ThrottlingException", "slow down")
    conflict = good(
        b'{"__type":"x#TransactionCanceledException","CancellationReasons":[{"Code":"None"},{"Code":"TransactionConflict"}]}',
        status="400 No",
    )
    with peer(*[throttled] * 4, conflict, good()) as server:
        server.aws().dynamodb("TransactWriteItems", TransactItems=[])
    assert len({asked.body for asked in server.asked}) == 1
    assert b"ClientRequestToken" in server.asked[0].body


def test_throttling_without_end() -> None:
    """So long as patience says."""
    with peer(refusal("ProvisionedThroughputExceededException")) as server, pytest.raises(AwsError, match="too many requests") as caught:
        get(server.aws())
    assert caught.value.code == "Throttling"
    assert len(server.asked) > QUICK.attempts


def test_a_failed_condition_tells_what_is_there() -> None:
    """At once, without another attempt."""
    code = b"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"
    body = b'{"__type":"%s","message":"The conditional request failed","Item":{"v":{"N":"1"}}}' % code
    with peer(good(body, status="400 Bad Request")) as server, pytest.raises(AwsError) as caught:
        get(server.aws())
    assert caught.value.code == "ConditionalCheckFailedException"
    assert caught.value.answer["Item"] == {"v": {"N": "1"}}
    assert len(server.asked) == 1


def test_a_wrong_clock_is_corrected() -> None:
    """AWS tells its time with the refusal; later requests use it from the beginning."""
    ahead = time.time() + 3600
    wrong = refusal(
        "InvalidSignatureException", "Signature expired: x is now earlier than y", "400 x", f"Date: {formatdate(ahead, usegmt=True)}"
    )
    with peer(wrong, ITEM) as server:
        aws = server.aws()
        get(aws)
        get(aws.in_region("us-east-1"))
    dates = [asked.headers["x-amz-date"] for asked in server.asked]
    assert dates[1][:11] == dates[2][:11] == time.strftime("%Y%m%dT%H", time.gmtime(ahead))


def test_a_bad_signature_with_a_good_clock_is_told() -> None:
    """And no second attempt made."""
    wrong = refusal("SignatureDoesNotMatch", "no", "403 x", f"Date: {formatdate(usegmt=True)}")
    with peer(wrong) as server, pytest.raises(CredentialsUnusable, match="does not know them"):
        get(server.aws())
    assert len(server.asked) == 1


def test_expired_credentials_are_looked_for_again() -> None:
    """Once, when there are new ones."""

    class Renewed:
        found = KEYS

        def __call__(self) -> Credentials:
            return self.found

        def forget(self) -> None:
            self.found = Credentials("AKNEW", "secret")

    with peer(refusal("ExpiredTokenException"), ITEM) as server:
        get(server.aws(credentials=Renewed()))
    assert "Credential=AKNEW/" in server.asked[1].headers["authorization"]


def keys_of(asked: Asked) -> str:
    """Path of a request."""
    return asked.line.split(" ")[1]


def test_objects() -> None:
    """Keys are quoted, ranges are asked for, other methods carry no length."""
    with peer(good(b"bcd", status="206 Partial Content")) as server:
        aws = server.aws()
        assert aws.get("data", "a b/ü+~.txt", (1, 4)) == b"bcd"
        aws.put("data", "x", b"123")
        aws.delete("data", ["x"])
    assert [keys_of(asked) for asked in server.asked] == ["/data/a%20b/%C3%BC%2B~.txt", "/data/x", "/data/x"]
    assert server.asked[0].headers["range"] == "bytes=1-3"
    assert server.asked[1].body == b"123"


def test_a_missing_object() -> None:
    """S3 answers in XML."""
    body = b"<?xml version='1.0'?><Error><Code>NoSuchKey</Code><Message>It &lt;is&gt; not there.</Message></Error>"
    with peer(good(body, status="404 Not Found")) as server, pytest.raises(AwsError, match="It <is> not there") as caught:
        server.aws().get("data", "x")
    assert caught.value.code == "NoSuchKey"


def test_files(tmp_path: Path) -> None:
    """They are sent and written piece by piece, from where they stand, again when the connection breaks."""
    data = bytes(range(256)) * 20_000
    (tmp_path / "up").write_bytes(b"skip" + data)

    def half(connection: socket.socket) -> bool:
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(data) + data[:3_000_000])
        return False

    with peer(close, good(), half, good(data)) as server:
        aws = server.aws()
        with open(tmp_path / "up", "rb") as file:
            file.seek(4)
            aws.put_file("data", "big", file)
        down = io.BytesIO(b"head")
        down.seek(4)
        assert aws.get_to_file("data", "big", down) == len(data)
    assert [len(asked.body) for asked in server.asked[:2]] == [len(data)] * 2
    assert server.asked[1].body == data
    assert down.getvalue() == b"head" + data


def test_a_refusal_does_not_get_into_the_file() -> None:
    """Only good answers do."""
    into = io.BytesIO()
    with peer(good(b"<Error><Code>NoSuchKey</Code></Error>", status="404 x")) as server, pytest.raises(AwsError):
        server.aws().get_to_file("data", "x", into)
    assert into.getvalue() == b""


def test_pages_of_keys() -> None:
    """Until there are no more."""
    first = b"<L><Contents><Key>a&amp;b</Key></Contents><NextContinuationToken>t/1=</NextContinuationToken></L>"
    with peer(good(first), good(b"<L><Contents><Key>c</Key></Contents></L>")) as server:
        assert list(server.aws().list("data", "out/")) == ["a&b", "c"]
    assert keys_of(server.asked[1]) == "/data?continuation-token=t%2F1%3D&list-type=2&prefix=out%2F"


def test_functions() -> None:
    """What a function answers, and how it fails."""
    failed = good(b'{"errorMessage":"no table"}', "x-amz-function-error: Unhandled")
    with peer(good(b"", status="202 Accepted"), good(b'{"a":[1]}'), failed) as server:
        aws = server.aws()
        assert aws.invoke("host--scaler", {}) is None
        assert aws.invoke("arn:aws:lambda:x:1:function:f", {"b": 2}, wait=True) == {"a": [1]}
        with pytest.raises(AwsError, match="the function f failed: no table"):
            aws.invoke("f", None, wait=True)
    assert [asked.headers["x-amz-invocation-type"] for asked in server.asked] == ["Event", "RequestResponse", "RequestResponse"]
    assert keys_of(server.asked[1]) == "/2015-03-31/functions/arn%3Aaws%3Alambda%3Ax%3A1%3Afunction%3Af/invocations"
