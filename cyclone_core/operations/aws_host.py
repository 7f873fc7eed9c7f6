"""One AWS host as this process reaches it: its table, bucket and records, and what is built on them, each made when it is needed first.

Views and doors share it; threads may too. After a fork the child has its own connections. Lean: job commands load it.
"""

import os
from time import time
from zlib import crc32

from cyclone_core import paths
from cyclone_core.errors import AwsError, HostUnavailable
from cyclone_core.scheduler.dynamo.bucket import Bucket
from cyclone_core.scheduler.dynamo.table import Table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, BinaryIO

    from cyclone_core.aws.lean.client import Aws
    from cyclone_core.aws.lean.hosts import LeanHost
    from cyclone_core.operations.aws_bodies import Bodies, HostBodies
    from cyclone_core.operations.jobs import Progress
    from cyclone_core.scheduler.dynamo.reader import DynamoReader
    from cyclone_core.scheduler.dynamo.store import DynamoStore


class AwsHost:
    """See the module."""

    def __init__(self, name: str) -> None:
        """Nothing is asked or read yet."""
        self.name = name
        self._made: dict[str, Any] = {}
        self._process = os.getpid()

    def close(self) -> None:
        """Close idle connections; the next request opens new ones."""
        lean: LeanHost | None = self._made.get("lean")
        if lean is not None and self._process == os.getpid():
            lean.aws.close()

    def __del__(self) -> None:
        self.close()

    def __reduce__(self) -> "tuple[type[AwsHost], tuple[str]]":
        return AwsHost, (self.name,)

    @property
    def lean(self) -> "LeanHost":
        """Account, region, and names of what the host has there. Raises CycloneError for a host that cannot be reached from here."""
        if self._process != os.getpid():  # its parent talks through those connections
            self._made, self._process = {}, os.getpid()
        found: LeanHost | None = self._made.get("lean")
        if found is None:
            from cyclone_core.aws.lean.hosts import open_host

            found = self._made["lean"] = open_host(self.name)
        return found

    @property
    def aws(self) -> "Aws":
        """The client of its main region."""
        return self.lean.aws

    @property
    def table(self) -> Table:
        """Its table. Every request raises HostUnavailable when there is none."""
        lean = self.lean
        found: Table | None = self._made.get("table")
        if found is None:
            found = self._made["table"] = HostTable(lean.aws, lean.table, self)
        return found

    @property
    def bucket(self) -> "HostBucket":
        """Its bucket."""
        lean = self.lean
        found: HostBucket | None = self._made.get("bucket")
        if found is None:
            found = self._made["bucket"] = HostBucket(lean.aws, lean.bucket)
        return found

    @property
    def store(self) -> "DynamoStore":
        """What changes jobs. Ids are taken from the block that the commands of this user share."""
        table = self.table
        found: Any = self._made.get("store")
        if found is None:
            from cyclone_core.scheduler.dynamo.ids import FileIds
            from cyclone_core.scheduler.dynamo.specs import FileSeen
            from cyclone_core.scheduler.dynamo.store import DynamoStore

            folder = self.own_dir()
            seen = FileSeen(os.path.join(folder, "specs"), int(time() * 1000))
            found = self._made["store"] = DynamoStore(table, self.bucket, FileIds(table, os.path.join(folder, "ids")), seen=seen)
        made: DynamoStore = found
        return made

    @property
    def reader(self) -> "DynamoReader":
        """What jobs are, for whoever looks."""
        table = self.table
        found: Any = self._made.get("reader")
        if found is None:
            from cyclone_core.scheduler.dynamo.reader import DynamoReader

            found = self._made["reader"] = DynamoReader(table, self.bucket, lambda: self.bodies.names("queue"))
        made: DynamoReader = found
        return made

    def own_dir(self) -> str:
        """Where commands keep what spares them requests, of just this host: another one may be made under the same name.

        Where it cannot be made they go without.
        """
        folder = os.path.join(paths.host_state_dir(self.name), f"aws-{crc32(self.place.encode()):08x}")
        try:
            os.makedirs(folder, 0o700, exist_ok=True)
        except OSError:
            pass
        return folder

    @property
    def place(self) -> str:
        """Which host of its name it is. A sandbox has other keys after each start, and is empty then."""
        lean = self.lean
        if not lean.endpoint:
            return f"{lean.account} {lean.region}"
        from cyclone_core.aws.lean import sandbox

        return f"{lean.account} {lean.region} {sandbox.credentials().key}"

    @property
    def bodies(self) -> "HostBodies":
        """Its resources."""
        place = self.place
        found: Any = self._made.get("bodies")
        if found is None:
            from cyclone_core.operations.aws_bodies import HostBodies

            found = self._made["bodies"] = HostBodies(self.name, place, self._read_bodies)
        made: HostBodies = found
        return made

    def _read_bodies(self) -> "Bodies":
        from cyclone_core.scheduler.dynamo.records import Records

        return Records(self.aws, self.name).bodies()

    def not_deployed(self) -> HostUnavailable:
        """What to say where the host has no table. Raises CredentialsUnusable where another account's was looked for."""
        lean = self.lean
        lean.aws.check_account(lean.account)
        what = f"the host {self.name} is not deployed: there is no table {lean.table} in {lean.region} of account {lean.account}"
        return HostUnavailable(f"{what}. Deploy it: hyper hosts update-host --name {self.name}")


class HostTable(Table):
    """The table of a host that may not be deployed, or be deleted while somebody works with it."""

    def __init__(self, aws: "Aws", name: str, host: AwsHost) -> None:
        super().__init__(aws, name)
        self._host = host

    def _ask(self, operation: str, **asked: "Any") -> "dict[str, Any]":
        try:
            return super()._ask(operation, **asked)
        except AwsError as exc:
            if exc.code == "ResourceNotFoundException":
                raise self._host.not_deployed() from exc
            raise


class HostBucket(Bucket):
    """The bucket of a host. `progress` is told how much of a file was sent."""

    progress: "Progress | None" = None

    def put_file(self, key: str, path: str) -> None:
        """Store what a file holds. Raises AwsError, OSError."""
        if self.progress is None:
            super().put_file(key, path)
            return
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            self._aws.put_file(self.name, key, _Told(file, size, self.progress), size)  # type: ignore[arg-type]
        self.progress(size, size)


class _Told:
    """A file whose reader is watched. It is read for its digest first, and then once for each time that it is sent."""

    def __init__(self, file: "BinaryIO", size: int, progress: "Progress") -> None:
        self._file, self._size, self._progress = file, size, progress
        self._times = 0
        self.tell = file.tell

    def seek(self, at: int, whence: int = 0) -> int:
        """As of a file."""
        self._times += whence == 0
        return self._file.seek(at, whence)

    def read(self, count: int = -1) -> bytes:
        """As of a file."""
        data = self._file.read(count)
        if self._times > 1 and data:
            self._progress(min(self._file.tell(), self._size - 1), self._size)
        return data
