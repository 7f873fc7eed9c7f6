"""A deployment on disk: what is to be changed, by whom, what has happened, and whether somebody still works on it.

    deployments/
        lock            held for an instant while a deployment is begun
        running/NNNN    an empty file per deployment that may run: who touches what is found without reading old ones
        NNNN/           one deployment; it appears with everything in it
            plan.json       the changes with what was there before, who asked and how (`Order`); written once
            events.jsonl    a line per event; the last line says how it ended
            lock            held by the process that works on it, which wrote its id into it
            cancel          is there once somebody asked it to end, with who
            log             what a process of its own had to say beside the events: normally nothing

Who works on a deployment holds a lock that the kernel lets go of when the process dies, however it dies: a deployment without an
end whose lock is free was interrupted. Lines are written with one call each, and a last line that is torn is as if it were not there.
A record holds what the resources themselves hold and is readable for its owner only; credentials never get here.
"""

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from cyclone_core.errors import NotFound, StateUnusable
from cyclone_core.infra.events import Event
from cyclone_core.infra.plan import Change, FieldChange, Plan
from cyclone_core.locks import is_held

State = Literal["PLANNED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED", "INTERRUPTED", "ROLLED_BACK"]
"""PLANNED: recorded, nothing has happened yet. INTERRUPTED: its process died. ROLLED_BACK: another deployment took it back."""
STATES: tuple[State, ...] = ("PLANNED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED", "INTERRUPTED", "ROLLED_BACK")
Mode = Literal["apply", "retry", "roll-back"]
"""apply: what somebody asked for; retry: what an earlier one left undone; roll-back: the way back from an earlier one."""
KEPT = 1000
"""So many deployments are kept; older ones that are over are removed as new ones begin."""
MAX_TEXT = 4000
"""Characters of an event's text that are recorded."""
_TAIL_BYTES = 1 << 16
"""The last line is somewhere in these: a line has `MAX_TEXT` characters, which JSON writes with up to 12 bytes each."""
_PRIVATE_DIRECTORY, _PRIVATE_FILE = 0o700, 0o600


@dataclass(frozen=True)
class Order:
    """What was asked for."""

    plan: Plan
    command: str
    """The command line that asks for the same, "" when there is none."""
    by: str
    """Who asked, as `user@machine`."""
    at: float
    """Seconds since 1970."""
    mode: Mode = "apply"
    of: int | None = None
    """The deployment that a retry or roll back belongs to."""


@dataclass(frozen=True)
class End:
    """How a deployment ended, its last line."""

    state: State
    at: float
    """Seconds since 1970."""
    reason: str = ""
    by: int | None = None
    """The deployment that rolled it back."""


class Record:
    """One deployment's directory."""

    def __init__(self, root: str, number: int) -> None:
        """root: the host's directory of deployments."""
        self.root, self.number = root, number
        self.directory = os.path.join(root, f"{number:04}")

    # -- see ----------------------------------------------------------------------------------------------------------
    def order(self) -> Order:
        """What was asked for. Raises NotFound, or StateUnusable for a record that cannot be read."""
        try:
            with open(self.path("plan.json"), encoding="utf-8") as file:
                return _read_order(json.load(file))
        except FileNotFoundError:
            raise NotFound(f"there is no deployment {self.number}. See them with: hyper deployments list") from None
        except (OSError, ValueError, TypeError, KeyError) as exc:
            what = f"deployment {self.number} cannot be read: {self.path('plan.json')}: {exc}"
            raise StateUnusable(f"{what}. Remove its directory if it is of no use to you") from exc

    def is_held(self) -> bool:
        """Whether a process works on it."""
        return is_held(self.path("lock"))

    def end(self) -> End | None:
        """How it ended; None while it runs, and when its process died."""
        with suppress(OSError), open(self.path("events.jsonl"), "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL_BYTES))
            for line in reversed(file.read().splitlines()):
                value = _object(line)
                if value is not None:
                    return _read_end(value)
        return None

    def state(self) -> tuple[State, End | None]:
        """Its state now, and how it ended if it did."""
        held = self.is_held()  # first: it may end between the two looks
        end = self.end()
        if end is not None:
            return end.state, end
        return ("RUNNING" if self.has_begun() else "PLANNED") if held else "INTERRUPTED", None

    def has_begun(self) -> bool:
        """Whether anything has happened."""
        with suppress(OSError):
            return os.stat(self.path("events.jsonl")).st_size > 0
        return False

    def events(self, position: int = 0, limit: int = -1) -> tuple[list[Event], int]:
        """Events from a position in the file (bytes) on, and the position to go on from; what cannot be read is left out.

        limit: so many bytes are looked at, more than a line has (`_TAIL_BYTES`); -1: all.
        """
        try:
            with open(self.path("events.jsonl"), "rb") as file:
                file.seek(position)
                data = file.read(limit)
        except OSError:
            return [], position
        whole = data.rfind(b"\n") + 1
        values = (_object(line) for line in data[:whole].splitlines())
        return [event for value in values if value and (event := _read_event(value))], position + whole

    def process(self) -> int:
        """Id of the process that works on it, or did; 0 when that is not known."""
        with suppress(OSError, ValueError), open(self.path("lock"), encoding="ascii") as file:
            return int(file.read(20))
        return 0

    def cancelled_by(self) -> str:
        """Who asked it to end, "" for nobody."""
        with suppress(OSError), open(self.path("cancel"), encoding="utf-8") as file:
            return file.read().strip() or "somebody"
        return ""

    def last_words(self) -> str:
        """The last line that its process said beside its events."""
        with suppress(OSError), open(self.path("log"), encoding="utf-8", errors="replace") as file:
            lines = [line.strip() for line in file if line.strip()]
            return lines[-1] if lines else ""
        return ""

    def path(self, name: str) -> str:
        """A file of the record."""
        return os.path.join(self.directory, name)

    # -- write --------------------------------------------------------------------------------------------------------
    def append(self, event: Event) -> None:
        """Record one event. Raises StateUnusable."""
        value = {name: value for name, value in asdict(event).items() if value not in ("", "info")}
        self._write({**value, "text": event.text[:MAX_TEXT]} if event.text else value)

    def finish(self, end: End) -> None:
        """Record how it ended; of several, the last one counts. Raises StateUnusable."""
        value = {"end": end.state, "at": end.at, "reason": end.reason[:MAX_TEXT], "by": end.by}
        self._write({name: value for name, value in value.items() if value not in ("", None)})
        with suppress(OSError):
            os.unlink(os.path.join(self.root, "running", f"{self.number:04}"))

    def ask_to_end(self, by: str) -> None:
        """Ask the process that works on it to end it. Raises StateUnusable."""
        with _usable(self.path("cancel")):
            _write_private(self.path("cancel"), by + "\n")

    def _write(self, value: Mapping[str, Any]) -> None:
        with _usable(self.path("events.jsonl")):
            descriptor = os.open(self.path("events.jsonl"), os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, _PRIVATE_FILE)
            try:
                size = os.fstat(descriptor).st_size
                torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
                line = (b"\n" if torn else b"") + json.dumps(value, separators=(",", ":")).encode() + b"\n"
                while line:  # a disk that fills up takes a part, and only the next call says why
                    line = line[os.write(descriptor, line) :]
            finally:
                os.close(descriptor)


class Holder:
    """The right to work on a deployment: its lock. It ends with `release`, or with the process."""

    def __init__(self, record: Record, descriptor: int) -> None:
        """descriptor: the open lock, which is held."""
        self.record, self.descriptor = record, descriptor

    def sign(self, process: int) -> None:
        """Say which process holds it."""
        os.pwrite(self.descriptor, f"{process:<10}\n".encode(), 0)

    def release(self) -> None:
        """Let go of it in this process; one that was started with the descriptor still holds it."""
        os.close(self.descriptor)


def numbers(root: str) -> list[int]:
    """Numbers of all deployments, newest first."""
    try:
        return sorted((int(name) for name in os.listdir(root) if name.isdigit()), reverse=True)
    except FileNotFoundError:
        return []


def running(root: str) -> list[Record]:
    """Deployments that a process works on, oldest first."""
    found = []
    with suppress(FileNotFoundError):
        for name in sorted(os.listdir(os.path.join(root, "running"))):
            record = Record(root, int(name)) if name.isdigit() else None
            if record is not None and record.is_held() and record.end() is None:
                found.append(record)
    return found


@contextmanager
def beginning(root: str) -> Iterator[None]:
    """While one process looks who touches what and begins a deployment, others wait. Raises StateUnusable."""
    with _usable(root):
        os.makedirs(root, _PRIVATE_DIRECTORY, exist_ok=True)
        os.makedirs(os.path.join(root, "running"), _PRIVATE_DIRECTORY, exist_ok=True)
        descriptor = os.open(os.path.join(root, "lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _PRIVATE_FILE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def create(root: str, order: Order) -> Holder:
    """A new deployment, held by this process. Call it inside `beginning`. Raises StateUnusable."""
    with _usable(root):
        made = tempfile.mkdtemp(prefix=".new-", dir=root)  # 0700
        try:
            _write_private(os.path.join(made, "plan.json"), json.dumps(_order_json(order), separators=(",", ":")))
            _write_private(os.path.join(made, "events.jsonl"), "")
            _clear_marks(root)
            there = numbers(root)
            record = Record(root, there[0] + 1 if there else 1)
            _write_private(os.path.join(root, "running", f"{record.number:04}"), "")
            descriptor = os.open(os.path.join(made, "lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _PRIVATE_FILE)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            os.rename(made, record.directory)
        except OSError:
            shutil.rmtree(made, ignore_errors=True)
            raise
        _remove_old(root, there[KEPT - 1 :])
    holder = Holder(record, descriptor)
    holder.sign(os.getpid())
    return holder


def _clear_marks(root: str) -> None:
    """Marks of deployments whose process died, which could not do it."""
    for name in os.listdir(os.path.join(root, "running")):
        if name.isdigit() and not Record(root, int(name)).is_held():
            with suppress(FileNotFoundError):  # a roll back of it may have ended just now
                os.unlink(os.path.join(root, "running", name))


def _remove_old(root: str, old: list[int]) -> None:
    for number in old:
        record = Record(root, number)
        if not record.is_held():
            shutil.rmtree(record.directory, ignore_errors=True)


def _write_private(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, _PRIVATE_FILE)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


@contextmanager
def _usable(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        what = f"the deployment cannot be recorded: {exc.filename or path}: {exc.strerror}"
        raise StateUnusable(f"{what}. Make room or correct the rights there, then try again") from exc


def _object(line: bytes) -> dict[str, Any] | None:
    """A line's value; None when it is torn."""
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


_EVENT_FIELDS = {field.name for field in fields(Event)}


def _read_event(value: Mapping[str, Any]) -> Event | None:
    """None for a line that is no event, such as the end; fields of later versions are left out."""
    try:
        return Event(**{name: found for name, found in value.items() if name in _EVENT_FIELDS})
    except TypeError:
        return None


def _read_end(value: Mapping[str, Any]) -> End | None:
    state = value.get("end")
    return End(state, float(value.get("at", 0)), str(value.get("reason", "")), value.get("by")) if state in STATES else None


def _order_json(order: Order) -> dict[str, Any]:
    changes = [asdict(change) for change in order.plan.changes]
    who = {"command": order.command, "by": order.by, "at": order.at, "mode": order.mode, "of": order.of}
    return {"version": 1, **who, "changes": changes, "keep_failed": order.plan.keep_failed, "keep_data": order.plan.keep_data,
            "revert_drift": order.plan.revert_drift}  # fmt: skip


def _read_order(value: Mapping[str, Any]) -> Order:
    changes = tuple(
        Change(**{**change, "fields": tuple(FieldChange(**field) for field in change.get("fields", ()))}) for change in value["changes"]
    )
    plan = Plan(changes, bool(value.get("keep_failed")), bool(value.get("keep_data")), bool(value.get("revert_drift")))
    return Order(plan, str(value["command"]), str(value["by"]), float(value["at"]), value["mode"], value.get("of"))
