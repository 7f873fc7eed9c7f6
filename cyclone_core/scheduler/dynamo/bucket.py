"""The data bucket of an AWS host: what is too large for items. Lean."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, BinaryIO, Protocol

    class Aws(Protocol):
        """What is needed of `aws.lean.client.Aws`."""

        def put(self, bucket: str, key: str, data: bytes) -> None:
            """Store an object."""

        def put_file(self, bucket: str, key: str, file: BinaryIO, size: int | None = None) -> None:
            """Store what a file holds."""

        def get(self, bucket: str, key: str, range: tuple[int, int] | None = None) -> bytes:
            """An object."""
            ...

        def get_to_file(self, bucket: str, key: str, file: BinaryIO) -> Any:
            """Write an object to a file."""

        def delete(self, bucket: str, keys: Iterable[str]) -> None:
            """Delete objects."""


class Bucket:
    """One bucket. Everything raises AwsError; what is not there NoSuchKey (`code`)."""

    def __init__(self, aws: "Aws", name: str) -> None:
        self._aws, self.name = aws, name

    def put(self, key: str, data: bytes) -> None:
        """Store an object."""
        self._aws.put(self.name, key, data)

    def put_file(self, key: str, path: str) -> None:
        """Store what a file holds. Raises OSError too."""
        with open(path, "rb") as file:
            self._aws.put_file(self.name, key, file)

    def get(self, key: str) -> bytes:
        """An object."""
        return self._aws.get(self.name, key)

    def peek(self, key: str) -> None:
        """Read one byte of an object: whether it is there."""
        self._aws.get(self.name, key, (0, 1))

    def copy(self, source: str, target: str) -> None:
        """Store an object once more under another key, by way of a file here. Raises OSError too."""
        from tempfile import TemporaryFile

        with TemporaryFile() as file:
            self._aws.get_to_file(self.name, source, file)
            file.seek(0)
            self._aws.put_file(self.name, target, file)

    def delete(self, *keys: str) -> None:
        """Delete objects."""
        self._aws.delete(self.name, keys)
