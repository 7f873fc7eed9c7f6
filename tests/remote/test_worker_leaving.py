"""A worker leaves: when there is nothing to do, when it is told to, when its instance is taken back."""

import signal
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from zlib import crc32

import pytest

from cyclone_core.jobs import CAUSE_LOST, cause_of
from cyclone_core.scheduler.dynamo import keys
from cyclone_core.scheduler.remote.exits import TAKEN_BACK
from tests.remote.host import FAR_REGION, Host

_NAME = f"{FAR_REGION}/job-1"
_KEY = keys.worker_part(crc32(_NAME.encode())), _NAME
"""Of the item of the first worker."""


def test_a_worker_without_work_leaves(host: Host) -> None:
    """With 0, and nothing of it stays: no item, no directory, no process."""
    job = host.submit("true")
    worker = host.worker(CYCLONE_IDLE_S="1")
    host.over(job)
    assert worker.ends() == 0
    assert "nothing has been waiting for 1 s" in worker.said()
    assert [path.name for path in worker.home.iterdir()] == ["log"]
    assert host.worker_items() == []


def test_a_worker_without_any_queue_leaves(host: Host) -> None:
    """Nothing was ever sent to its lane."""
    assert host.worker(CYCLONE_IDLE_S="0.5").ends() == 0


def test_a_worker_whose_place_is_for_others_leaves(host: Host) -> None:
    """The scaler marks its item, which it sees when it says again that it is there."""
    worker = host.worker()
    host.until(host.worker_items, "it has said that it is there")
    host.table.update(_KEY, set={"leave": 1})
    assert worker.ends() == 0
    assert "it was asked to leave" in worker.said()
    assert host.worker_items() == []


def test_what_another_of_its_name_was_asked_does_not_concern_a_worker(host: Host) -> None:
    """That one was killed, and its item stays for a while: the mark goes with the first word."""
    host.table.put(_KEY, {"leave": 1})
    worker = host.worker(CYCLONE_IDLE_S="3")
    host.until(lambda: "body" in (host.table.get(_KEY, consistent=True) or {}), "it has said that it is there")
    assert "leave" not in (host.table.get(_KEY, consistent=True) or {})
    assert worker.ends() == 0
    assert "nothing has been waiting" in worker.said()


def test_a_running_task_may_end_before_its_worker_leaves(host: Host, tmp_path: Path) -> None:
    """What is not begun is anybody's at once."""
    first = host.worker()
    job = host.submit(f"touch {tmp_path}/on-$CYCLONE_TASK_INDEX; sleep 1", indices=(1, 3, 1), tasks=3, size=3)
    host.until((tmp_path / "on-1").exists, "it runs")
    first.signal(signal.SIGTERM)
    host.until(lambda: len(host.units(job)) == 2, "the rest is a slice of its own")
    host.worker()
    assert first.ends() == 0
    assert host.over(job) == [3, 0, 0, 0]
    assert all(host.attempts(job, position) == [(1, 0)] for position in range(1, 4))


def test_what_does_not_end_in_time_waits_again_without_a_loss(host: Host, tmp_path: Path) -> None:
    """Another attempt, at once, and nothing is held against the task."""
    first = host.worker(CYCLONE_STOP_S="0.5")
    job = host.submit(f"touch {tmp_path}/on; test $CYCLONE_ATTEMPT = 2 || sleep 300")
    host.until((tmp_path / "on").exists, "it runs")
    first.signal(signal.SIGTERM)
    assert first.ends() == 0
    (unit,) = host.units(job)
    assert (unit.histories, unit.lost) == ({1: (2, 0, 0)}, 0)
    host.worker()
    assert host.over(job) == [1, 0, 0, 0]
    assert [cause_of(code) for _, code in host.attempts(job)] == [CAUSE_LOST, 0]


def test_units_that_were_not_begun_are_handed_back(host: Host, tmp_path: Path) -> None:
    """Unchanged: another worker runs them as their first attempt."""
    quick = [host.submit("true") for _ in range(5)]
    first = host.worker(CYCLONE_STOP_S="20")
    for job in quick:
        host.over(job)
    slow = [host.submit(f"touch {tmp_path}/on; sleep 1") for _ in range(3)]
    host.until((tmp_path / "on").exists, "one runs")
    first.signal(signal.SIGTERM)
    host.worker()
    for job in slow:
        assert host.over(job) == [1, 0, 0, 0]
        assert host.attempts(job) == [(1, 0)]
    assert first.ends() == 0


class _Metadata(BaseHTTPRequestHandler):
    """An instance's metadata, with a notice once `taken` is set."""

    taken = threading.Event()

    def do_PUT(self) -> None:
        self._answer(b"token")

    def do_GET(self) -> None:
        known = {"/latest/meta-data/instance-id": b"i-0123"}
        if self.taken.is_set():
            known["/latest/meta-data/spot/instance-action"] = b'{"action": "terminate"}'
        self._answer(known.get(self.path, b""))

    def _answer(self, body: bytes) -> None:
        self.send_response(200 if body else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


def test_a_notice_of_a_spot_interruption_is_heard(host: Host) -> None:
    """The worker takes nothing more and leaves; its exit code says why."""
    _Metadata.taken.set()
    with HTTPServer(("127.0.0.1", 0), _Metadata) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            address = f"http://127.0.0.1:{server.server_port}"
            worker = host.worker(AWS_EC2_METADATA_DISABLED="false", AWS_EC2_METADATA_SERVICE_ENDPOINT=address)
            assert worker.ends() == TAKEN_BACK
        finally:
            server.shutdown()
            thread.join()
    assert "its spot capacity is taken back" in worker.said()


@pytest.mark.parametrize("missing", ["CYCLONE_HOST", "CYCLONE_CLUSTER"])
def test_a_worker_that_does_not_know_whom_it_works_for_says_so(host: Host, missing: str) -> None:
    """Exit code 2."""
    worker = host.worker(**{missing: ""})
    assert worker.ends() == 2
    assert f"{missing} is not set" in worker.said()
