"""What was asked of AWS, counted: requests, bytes and units by operation. For benchmarks and tests; an `Aws` has none of its own.

What a meter cannot see: a write whose condition fails takes units too (of the item that is there), and its answer does not tell them.
"""

from threading import Lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_WRITES = frozenset(("BatchWriteItem", "DeleteItem", "PutItem", "TransactWriteItems", "UpdateItem"))
_SQS_PIECE = 64 * 1024
"""SQS charges each so large part of a request or an answer as a request: https://aws.amazon.com/sqs/pricing/"""


class Count:
    """Of one operation of a service."""

    __slots__ = ("charged", "read_units", "received_bytes", "refused", "requests", "sent_bytes", "write_units")

    def __init__(self) -> None:
        self.requests = 0
        """That were answered."""
        self.charged = 0
        """As requests are charged: more than one for large messages."""
        self.refused: dict[str, int] = {}
        """Code -> requests that were answered so."""
        self.sent_bytes = self.received_bytes = 0
        """Of bodies."""
        self.read_units = self.write_units = 0.0
        """Of DynamoDB, indexes included."""

    def __repr__(self) -> str:
        return f"Count({', '.join(f'{name}={getattr(self, name)!r}' for name in self.__slots__ if getattr(self, name))})"


class Meter:
    """Counts by (service, operation). Threads share it."""

    asks_units = True
    """Has DynamoDB tell units with each answer."""

    def __init__(self) -> None:
        self.counts: dict[tuple[str, str], Count] = {}
        self._lock = Lock()

    def __call__(
        self, service: str, operation: str, request: "dict[str, Any]", answer: "dict[str, Any]", sent_bytes: int, received_bytes: int
    ) -> None:
        """Count an answer; see `sender.Meter`."""
        with self._lock:
            count = self.counts.setdefault((service, operation), Count())
            count.requests += 1
            count.charged += _charged(sent_bytes, received_bytes) if service == "sqs" else 1
            count.sent_bytes += sent_bytes
            count.received_bytes += received_bytes
            if code := str(answer.get("__type", "")).rpartition("#")[2]:
                count.refused[code] = count.refused.get(code, 0) + 1
            units = _units(answer.get("ConsumedCapacity"))
            if operation in _WRITES:
                count.write_units += units
            else:
                count.read_units += units

    def requests(self, service: str = "", operation: str = "") -> int:
        """How many were answered, of a service and operation or of all."""
        return sum(count.requests for count in self._of(service, operation))

    def units(self, service: str = "dynamodb", operation: str = "") -> "tuple[float, float]":
        """Read and write units."""
        chosen = self._of(service, operation)
        return sum(count.read_units for count in chosen), sum(count.write_units for count in chosen)

    def clear(self) -> None:
        """Count from nothing."""
        with self._lock:
            self.counts = {}

    def table(self) -> "list[tuple[str, str, int, float, float, int, int]]":
        """Rows: service, operation, requests, read units, write units, bytes sent and received; in order of the names."""
        with self._lock:
            counts = sorted(self.counts.items())
        return [(*name, one.requests, one.read_units, one.write_units, one.sent_bytes, one.received_bytes) for name, one in counts]

    def _of(self, service: str, operation: str) -> "list[Count]":
        with self._lock:
            return [one for name, one in self.counts.items() if service in ("", name[0]) and operation in ("", name[1])]


def _units(told: "Any") -> float:
    """Of one table, or of a list of them."""
    entries = told if isinstance(told, list) else [told] if told else []
    return sum(float(entry.get("CapacityUnits", 0)) for entry in entries)


def _charged(sent_bytes: int, received_bytes: int) -> int:
    return max(1, -(-max(sent_bytes, received_bytes) // _SQS_PIECE))
