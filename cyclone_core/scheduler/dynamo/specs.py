"""What jobs execute: items by content, which equal submissions share; scripts that are too large for them are objects. Lean.

A spec says what a row of `spec` says on the local engine. It outlives the jobs that name it: a submission that finds one with less than
half a year to live renews it. Non-goal: a job that waits longer than that ends as Error, with the reason.
"""

from _blake2 import blake2b
from _thread import allocate_lock
from zlib import compress, decompress

from cyclone_core.aws.lean import jsons
from cyclone_core.errors import AwsError, NotFound
from cyclone_core.scheduler.dynamo import keys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    from cyclone_core.indices import Indices
    from cyclone_core.jobs import JobRequest
    from cyclone_core.scheduler.dynamo.bucket import Bucket
    from cyclone_core.scheduler.dynamo.table import Table
    from cyclone_core.scheduler.dynamo.values import Item

    class Seen(Protocol):
        """Specs that are known to be in the table."""

        def __contains__(self, digest: bytes) -> bool: ...

        def add(self, digest: bytes) -> None:
            """Remember one."""


LIVES_S, RENEWED_S = 400 * 86_400, 200 * 86_400
"""Seconds from a submission to the end of its spec; it is written anew when it has less than that left."""
LARGEST_INLINE = 16 * 1024
"""Bytes of a deflated script that its item holds: a write unit for each kilobyte; an object costs as much as eight."""
_REMEMBERED = 1000


class Wanted:
    """What a request executes. digest: of all of it, 16 bytes; script: name of its snapshot; body: the JSON text."""

    __slots__ = ("body", "content", "digest", "script")

    def __init__(self, request: "JobRequest") -> None:
        self.content = request.script or b""
        self.script = script_name(self.content)
        fields = {
            "script": self.script, "interpreter": list(request.interpreter), "directory": request.directory,
            "environment": request.environment, "parameters": None, "retries": request.retries,
            "retry_exit": [list(pair) for pair in request.retry_exit], "timeout_s": request.timeout_s, "umask": request.umask,
            "warm": request.warm,
        }  # fmt: skip
        self.body = jsons.text(fields, is_sorted=True)
        self.digest = blake2b(self.body.encode(), digest_size=16).digest()


class Spec:
    """What is executed. body: as `sqlite.specs` keeps it; its "script" names a snapshot, its "parameters" are the job's (`pm`)."""

    __slots__ = ("_content", "_key", "body")

    def __init__(self, body: "dict[str, Any]", content: bytes | None, key: str) -> None:
        self.body, self._content, self._key = body, content, key

    def script(self, bucket: "Bucket") -> bytes:
        """The bytes of the script. Raises AwsError."""
        if self._content is None:
            self._content = decompress(bucket.get(self._key))
        return self._content


class Specs:
    """The specs of one host. Threads may share it."""

    def __init__(self, table: "Table", bucket: "Bucket", seen: "Seen | None" = None) -> None:
        """seen: specs that need not be looked for."""
        self._table, self._bucket = table, bucket
        self._seen: Seen = set() if seen is None else seen
        self._read: dict[bytes, Spec] = {}
        self._lock = allocate_lock()

    def keep(self, request: "JobRequest", now: int) -> Wanted:
        """What a request executes; it is in the table when this returns. now: ms. Raises AwsError."""
        wanted = Wanted(request)
        if wanted.digest not in self._seen:
            self._keep(wanted, now // 1000)
            self._seen.add(wanted.digest)
        return wanted

    def _keep(self, wanted: Wanted, now_s: int) -> None:
        key = keys.spec(wanted.digest)
        found = self._table.get(key, fields=("expires",))
        if found and found["expires"] - now_s > RENEWED_S:
            return
        item: Item = {"body": compress(wanted.body.encode(), 6), "expires": now_s + LIVES_S}
        deflated = compress(wanted.content, 6)
        if len(deflated) <= LARGEST_INLINE:
            item["script"] = deflated
        else:
            item["object"] = keys.script_object(wanted.script)
            self._bucket.put(item["object"], deflated)
        self._table.put(key, item)

    def spec(self, digest: bytes) -> Spec:
        """What a job executes (`sp` of its item). Raises NotFound when it is gone, AwsError."""
        with self._lock:
            found = self._read.get(digest)
        if found is None:
            item = self._table.get(keys.spec(digest)) or self._table.get(keys.spec(digest), consistent=True)
            if item is None:
                raise NotFound("what this job executes is not stored any more: it waited for more than a year. Submit it again")
            content = decompress(item["script"]) if "script" in item else None
            found = Spec(jsons.loads(decompress(item["body"])), content, item.get("object", ""))
            with self._lock:
                if len(self._read) >= _REMEMBERED:
                    self._read.clear()
                self._read[digest] = found
        return found

    def exists(self, digest: bytes) -> bool:
        """Whether a spec is there. Raises AwsError."""
        try:
            self.spec(digest)
        except NotFound:
            return False
        return True


class FileSeen:
    """Specs that commands of one user have seen within the hour, in a file: a submission of the same script does not look for its spec."""

    KEPT_MS = 3_600_000

    def __init__(self, path: str, now: int) -> None:
        """now: ms. A file that cannot be read or written is as none."""
        self._path, self._now = path, now
        self._known: dict[str, int] = {}
        try:
            with open(path, encoding="ascii") as file:
                for line in file:
                    digest, _, at = line.strip().partition(" ")
                    if len(digest) == 32 and at.isdigit() and now - self.KEPT_MS < int(at) <= now:
                        self._known[digest] = int(at)
        except (OSError, ValueError):
            return

    def __contains__(self, digest: bytes) -> bool:
        return digest.hex() in self._known

    def add(self, digest: bytes) -> None:
        """Remember one, and for how long the others are still known."""
        import os

        self._known[digest.hex()] = self._now
        temporary = f"{self._path}.{os.getpid()}"
        try:
            with open(temporary, "w", encoding="ascii") as file:
                file.writelines(f"{known} {at}\n" for known, at in list(self._known.items())[-_REMEMBERED:])
            os.rename(temporary, self._path)
        except OSError:
            return


def script_name(content: bytes) -> str:
    """Name of a script's snapshot: its content's hash, as on the local engine."""
    return blake2b(content, digest_size=16).hexdigest()


def indices_of(job: "Item", bucket: "Bucket") -> "Indices":
    """The indices of a sparse array (its JOB item). Raises AwsError."""
    from cyclone_core.indices import unpack

    return unpack(job["ix"] if "ix" in job else bucket.get(keys.index_object(int(job["pk"][2:]))))


def is_there(bucket: "Bucket", key: str) -> bool:
    """Whether an object exists. Raises AwsError."""
    try:
        bucket.peek(key)
    except AwsError as exc:
        if exc.code in ("NoSuchKey", "404"):
            return False
        if exc.code != "InvalidRange":
            raise
    return True
