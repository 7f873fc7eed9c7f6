"""The way to a supervisor: where its state may lie, starting one, and requests that outlive it."""

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from socket import AF_UNIX, socket
from typing import Any

import pytest

from cyclone_core import paths, wire
from cyclone_core.errors import CycloneError, HostUnavailable, InvalidRequest, NotFound, StateUnusable
from cyclone_core.jobs import JobRequest
from cyclone_core.operations import jobs
from cyclone_core.scheduler.local import client
from tests.engine.conftest import Engine

Message = tuple[Any, ...]
Answer = Callable[[Message], list[Message] | None]


class FakeSupervisor:
    """Listens where a supervisor would, remembers what it was asked; `answer` gives the messages to send, None hangs up."""

    def __init__(self, state_dir: str, answer: Answer) -> None:
        os.makedirs(state_dir, exist_ok=True)
        self.asked: list[Message] = []
        self.answer, self.last_words = answer, list[Message]()
        self.listener = socket(AF_UNIX)
        self.listener.bind(paths.socket_path(state_dir))
        self.listener.listen()
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self) -> None:
        """One connection after the other."""
        while True:
            sock, _ = self.listener.accept()
            with sock:
                channel = wire.Channel(sock, blocking=True)  # type: ignore[arg-type]
                try:
                    while (answers := self.answer(message := channel.next())) is not None:
                        self.asked.append(message)
                        for each in answers:
                            channel.send(each)
                    self.asked.append(message)
                    for each in self.last_words:
                        channel.send(each)
                    if message == ("end",):
                        return
                except wire.Closed:
                    continue

    def end(self, state_dir: str) -> None:
        """Stop serving."""
        self.answer = lambda message: None
        channel = client.connect(state_dir)
        channel.send(("end",))
        self.thread.join()
        channel.close()
        self.listener.close()


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[Callable[[Answer], tuple[str, FakeSupervisor]]]:
    """Make one: (state directory, fake)."""
    made = []

    def make(answer: Answer) -> tuple[str, FakeSupervisor]:
        made.append(FakeSupervisor(str(tmp_path / "state"), answer))
        return str(tmp_path / "state"), made[0]

    yield make
    for each in made:
        each.end(str(tmp_path / "state"))


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """A real one."""
    found = Engine(tmp_path / "state", tmp_path / "work")
    yield found
    found.end()


def request(**fields: object) -> JobRequest:
    """Something to submit."""
    return JobRequest(script=b"true\n", name="n", **fields)  # type: ignore[arg-type]


def test_a_lost_answer_is_asked_for_again_under_the_same_key(fake: Callable[[Answer], tuple[str, FakeSupervisor]]) -> None:
    """The first supervisor hangs up with the request: it is sent again, and can be known again."""
    state_dir, host = fake(lambda message: None if len(host.asked) < 1 else [("submitted", [7])])
    assert jobs.submit(state_dir, request()) == [7]
    keys = [message[1][0]["idempotency_key"] for message in host.asked]
    assert len(keys) == 2
    assert keys[0] == keys[1]
    assert len(keys[0]) > 16


def test_a_host_that_always_hangs_up_is_given_up(fake: Callable[[Answer], tuple[str, FakeSupervisor]]) -> None:
    """With the place of its log."""
    state_dir, host = fake(lambda message: None)
    with pytest.raises(HostUnavailable, match=r"ended 5 times in a row .*supervisor\.log"):
        jobs.submit(state_dir, request())
    assert len(host.asked) == 5


def test_a_refusal_carries_all_problems_and_frees_the_spool(fake: Callable[[Answer], tuple[str, FakeSupervisor]]) -> None:
    """The parameter file of a refused request is of no use any more."""
    state_dir, _ = fake(lambda message: [("refused", [[0, "queue", "unknown", "hint"], [1, "", "full", ""]])])
    path = jobs.spool(state_dir)
    Path(path).write_bytes(b"x")
    with pytest.raises(InvalidRequest) as caught:
        jobs.submit(state_dir, request(parameters=path))
    assert [str(problem) for problem in caught.value.problems] == ["queue: unknown. hint", "full"]
    assert not os.path.exists(path)


def test_many_ids_go_in_several_messages(fake: Callable[[Answer], tuple[str, FakeSupervisor]]) -> None:
    """And their answers are one; names are cancelled once."""
    state_dir, host = fake(
        lambda message: [("cancelled", {"tasks": len(message[1]["tasks"]), "jobs": [1], "finished": [], "unknown": [(5, None)]})]
    )
    answer = jobs.cancel(state_dir, {"tasks": [(k, None) for k in range(25_000)], "names": ["x"], "queue": None, "all": False})
    assert (answer["tasks"], len(answer["unknown"])) == (25_000, 3)
    assert [message[1].get("names") for message in host.asked] == [["x"], None, None]


def test_waiting_asks_again_for_what_is_open(fake: Callable[[Answer], tuple[str, FakeSupervisor]]) -> None:
    """A supervisor that tells of one job and hangs up: the next one is asked for the rest."""
    state_dir, host = fake(lambda message: [("ended", job, 3, 9) for job in message[1]] if host.asked else None)
    host.last_words = [("ended", 2, 2, 0)]
    assert list(jobs.wait(state_dir, [1, 2, 3])) == [(2, 2, 0), (1, 3, 9), (3, 3, 9)]


def test_nobody_listens(tmp_path: Path) -> None:
    """With the command that starts it."""
    with pytest.raises(HostUnavailable, match="hyper hosts start"):
        client.connect(str(tmp_path))


def test_started_by_many_at_once_there_is_one(engine: Engine) -> None:
    """Whoever loses the race finds the winner."""
    channels: list[wire.Channel] = []
    threads = [threading.Thread(target=lambda: channels.append(client.ensure(engine.state_dir))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {channel.ask(("status",))[1]["pid"] for channel in channels} == set(engine.supervisors())
    assert len(channels) == 8
    for channel in channels:
        channel.close()


def test_a_submission_while_the_supervisor_is_leaving_is_not_lost(engine: Engine) -> None:
    """It may still accept it, or only the connection; and it holds the lock a while after it stopped to listen."""
    engine.submit("trap '' TERM; sleep 2")
    (leaving,) = engine.supervisors()
    channel = client.connect(engine.state_dir)
    channel.ask(("stop",))
    channel.close()
    assert engine.submit("true") == 2
    engine.until(lambda: leaving not in engine.supervisors(), "it has left")
    engine.start()
    assert engine.wait(2) == ["Successful"]


def test_the_state_directory_is_private(tmp_path: Path) -> None:
    """With everything that is made above it."""
    client.make_state_dir(str(tmp_path / "a" / "b"))
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("a", "a/b")] == [0o700, 0o700]


def test_a_state_directory_that_cannot_be_made_names_the_remedy(tmp_path: Path) -> None:
    """As in a home that is read-only (here: a file is in the way, root may write everywhere)."""
    (tmp_path / "file").touch()
    with pytest.raises(StateUnusable, match=r"cannot be made: .* export CYCLONE_STATE_DIR="):
        client.ensure(str(tmp_path / "file" / "state"))


@pytest.mark.parametrize(
    ("path", "kind", "network"),
    [
        ("/home/me/state", "nfs4", True),
        ("/home/me/local disk/state", "ext4", False),
        ("/homes", "ext4", False),
        ("/mnt/s/x", "fuse.sshfs", True),
        ("/late/x", "xfs", False),
    ],
)
def test_network_filesystems_are_known(tmp_path: Path, path: str, kind: str, network: bool) -> None:
    """The longest mount point counts, and the last of several at one point."""
    (tmp_path / "mounts").write_text(
        "/dev/sda / ext4 rw 0 0\nsrv:/h /home nfs4 rw 0 0\n/dev/sdb /home/me/local\\040disk ext4 rw 0 0\n"
        "me@x:/ /mnt/s fuse.sshfs rw 0 0\nsrv:/l /late nfs rw 0 0\n/dev/sdc /late xfs rw 0 0\n"
    )
    assert client.filesystem(path, str(tmp_path / "mounts")) == kind
    assert client.is_network(kind) is network


def test_a_damaged_database_is_told_in_the_supervisors_words(tmp_path: Path) -> None:
    """Whoever starts it hears why it does not serve."""
    (tmp_path / "state").mkdir(mode=0o700)
    (tmp_path / "state" / "state.db").write_bytes(b"this is not a database, " * 100)
    with pytest.raises(CycloneError, match=r"could not start: .*database"):
        client.ensure(str(tmp_path / "state"))


def test_doors_by_name() -> None:
    """`local` always, others by their file; which engine is behind it is the file's business."""
    folder = Path(paths.config_dir(), "hosts")
    folder.mkdir(parents=True)
    (folder / "box.json").write_text('{"name": "box", "type": "local"}')
    (folder / "cloud.json").write_text('{"type": "aws"}')
    assert [jobs.open_door(name).type for name in (None, "box", "cloud")] == ["local", "local", "aws"]
    for name, message in {"bax": "did you mean box", "../x": "there is no host", "nowhere": "there is no host"}.items():
        with pytest.raises(NotFound, match=message):
            jobs.open_door(name)
