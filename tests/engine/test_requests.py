"""Clients of all kinds, and what the engine does with what they ask: order, limits, cancellation."""

import json
import marshal
import multiprocessing
import os
import random
import resource
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cyclone_core import paths, wire
from cyclone_core.operations import jobs
from cyclone_core.operations.waiting import why_waiting
from cyclone_core.scheduler.local import client
from cyclone_core.scheduler.sqlite.reader import Reader

from .conftest import Engine, is_alive

SPANS = 'echo "$CYCLONE_TASK_INDEX + $(date +%s%N)" >> spans; sleep 0.1; echo "$CYCLONE_TASK_INDEX - $(date +%s%N)" >> spans'


def most_at_once(lines: list[str]) -> int:
    """The greatest number of tasks that ran at the same time, from their lines `INDEX +|- NANOSECONDS`."""
    now = most = 0
    for _, sign, _ in sorted((line.split() for line in lines), key=lambda words: int(words[2])):
        now += 1 if sign == "+" else -1
        most = max(most, now)
    return most


def why(engine: Engine, job: int) -> str:
    """The line that tells why a job waits."""
    with Reader.open(engine.state_dir) as reader:
        found = reader.job(job)
        assert found is not None
        return str(why_waiting(reader, found, True))


BAD = [
    b"GET / HTTP/1.1\r\n\r\n",
    struct.pack("<I", 20) + b"\xff" * 20,
    struct.pack("<I", 0),
    wire.encode(("no such request", 1)),
    wire.encode(("submit",)),
    wire.encode(("submit", [17])),
    wire.encode(("submit", [{"script": "text", "name": "x"}])),
    wire.encode(("submit", [{"script": b"x", "name": "x", "later": 1}])),
    wire.encode(("submit", [{"script": b"x", "name": 5, "retry_exit": 7}])),
    wire.encode(("cancel", 5)),
    wire.encode(("cancel", {"tasks": 3})),
    wire.encode(("cancel", {"tasks": [(1, "x")], "names": 4})),
    wire.encode(("wait", 5)),
    wire.encode(("wait", ["x", None])),
    wire.encode(("put", "nothing", "x", "{}", "any")),
    wire.encode(("put", "queue", "x", "no json", "any")),
    wire.encode(("put", "queue", "x", "[]", "any")),
    wire.encode(("delete", "nothing", "x")),
    wire.encode(("status", "too", "much")),
    wire.encode(("worker",)),
    wire.encode(("worker", 99, 1, 1, 1, 0, [])),
    wire.encode(("report", [])),
    struct.pack("<I", len(marshal.dumps(5))) + marshal.dumps(5),
    struct.pack("<I", len(marshal.dumps(()))) + marshal.dumps(()),
]


def test_garbage_disturbs_nobody(engine: Engine) -> None:
    """Other protocols, other versions, random bytes: the supervisor stays, and a task that runs is not touched."""
    job = engine.submit("until [ -e go ]; do sleep 0.05; done")
    (before,) = engine.supervisors()
    chance = random.Random(7)
    for data in [*BAD, *(chance.randbytes(chance.randrange(1, 300)) for _ in range(50))]:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(paths.socket_path(engine.state_dir))
            sock.sendall(data)
            sock.settimeout(0.02)
            try:
                sock.recv(4096)
            except (TimeoutError, ConnectionResetError):
                pass
        assert is_alive(before), f"{data!r}\n{engine.log()}"
    (engine.work_dir / "go").touch()
    assert engine.wait(job) == ["Successful"]
    assert engine.supervisors() == [before]


def test_a_bad_request_takes_nothing_of_others_with_it(engine: Engine) -> None:
    """It shares a turn with good ones; those are stored, and numbers still add up."""
    engine.start()
    channel = client.connect(engine.state_dir)
    good = [engine.request("exit 0").as_message()]
    bad = {**good[0], "priority": 1.5, "environment": {"A": {1}}}
    channel.sock.sendall(b"".join(wire.encode(("submit", ones)) for ones in (good, [*good, bad], [bad], good)))
    answers = [channel.next()[0] for _ in range(4)]
    channel.close()
    assert sorted(answers) == ["refused", "refused", "submitted", "submitted"]
    assert engine.wait(1, 2) == ["Successful"] * 2
    assert engine.sql("SELECT waiting, running, successful FROM total") == [(0, 0, 2)]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_another_user_is_refused(engine: Engine, tmp_path: Path) -> None:
    """Even where the rights of the socket would let him in."""
    engine.start()
    path = paths.socket_path(engine.state_dir)
    os.chmod(path, 0o666)
    os.chmod(os.path.dirname(path), 0o755)
    try:
        _as_stranger(path)
    finally:
        os.chmod(os.path.dirname(path), 0o700)


def _as_stranger(path: str) -> None:
    code = (
        "import os, socket, sys; sock = socket.socket(socket.AF_UNIX); os.setgid(65534); os.setuid(65534); sock.connect(sys.argv[1])\n"
        "sock.settimeout(20)\ntry: print(sock.recv(10))\nexcept ConnectionResetError: print(b'')"
    )
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    assert done.stdout == "b''\n"


def test_many_idle_clients(engine: Engine) -> None:
    """More connections than the usual limit of descriptors: later ones are served, and tasks run."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 2500:
        pytest.skip(f"only {hard} descriptors are allowed here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))
    engine.start()
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2500), hard))
    idle = [wire.connect(paths.socket_path(engine.state_dir)) for _ in range(2000)]
    try:
        assert engine.wait(engine.submit("[ $(ulimit -Sn) = 1024 ]")) == ["Successful"]
    finally:
        for one in idle:
            one.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_more_clients_than_descriptors(engine: Engine) -> None:
    """Where no descriptor is left new clients wait; nobody is thrown out, and the supervisor does not spin or die."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    starter = multiprocessing.get_context("fork").Process(target=_start_with_few_descriptors, args=(engine.state_dir,))
    starter.start()
    starter.join()
    (supervisor,) = engine.supervisors()
    idle = [wire.connect(paths.socket_path(engine.state_dir)) for _ in range(120)]
    time.sleep(0.3)
    assert is_alive(supervisor), engine.log()
    for one in idle[:100]:
        one.close()
    assert engine.wait(engine.submit("exit 0")) == ["Successful"]
    for one in idle[100:]:
        one.close()
    assert (engine.supervisors(), resource.getrlimit(resource.RLIMIT_NOFILE)) == ([supervisor], limits)


def _start_with_few_descriptors(state_dir: str) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))
    client.ensure(state_dir).close()


def _submit_many(engine: Engine, count: int, ids: "multiprocessing.Queue[list[int]]") -> None:
    ids.put([engine.submit("exit 0") for _ in range(count)])


def test_submissions_from_many_at_once(engine: Engine) -> None:
    """1,000 submissions from 8 processes, the first of which have to start the supervisor: none fails, none is lost."""
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    clients = [context.Process(target=_submit_many, args=(engine, 125, answers)) for _ in range(8)]
    for one in clients:
        one.start()
    ids = [job for _ in clients for job in answers.get(timeout=60)]
    for one in clients:
        one.join()
    assert sorted(ids) == list(range(1, 1001))
    assert set(engine.wait(*ids)) == {"Successful"}


def test_a_paused_queue(engine: Engine) -> None:
    """Nothing of it starts, it says why, and going on starts it."""
    engine.put("queue", "held", cluster="default", paused=True)
    held, free = engine.submit("exit 0", queue="held"), engine.submit("exit 0")
    assert engine.wait(free) == ["Successful"]
    assert engine.job(held).state == "Waiting"
    assert why(engine, held).startswith("queue 'held' is paused")
    engine.put("queue", "held", cluster="default", paused=False)
    assert engine.wait(held) == ["Successful"]


def test_order(engine: Engine) -> None:
    """By priority of the queue, then of the job, then by submission."""
    engine.put("cluster", "default", max_vcpus=1)
    engine.put("queue", "default", cluster="default", paused=True)
    engine.put("queue", "high", cluster="default", priority=5, paused=True)
    wanted = [("default", 0, "d"), ("default", 7, "c"), ("high", -9, "b"), ("default", 0, "e"), ("high", 0, "a"), ("default", -3, "f")]
    found = [engine.submit(f"echo {letter} >> order", queue=queue, priority=priority) for queue, priority, letter in wanted]
    channel = client.connect(engine.state_dir)
    names = (("default", 0), ("high", 5))
    bodies = [json.dumps({"name": name, "cluster": "default", "priority": priority, "paused": False}) for name, priority in names]
    puts = [("put", "queue", name, body, "any") for (name, _), body in zip(names, bodies, strict=True)]
    channel.sock.sendall(b"".join(map(wire.encode, puts)))
    assert [channel.next() for _ in puts] == [("stored",)] * 2
    channel.close()
    engine.wait(*found)
    assert "".join(engine.lines("order")) == "abcdef"


def test_the_limit_of_an_array(engine: Engine) -> None:
    """`-t 1-12%2`: never more than two at once, also where there is room for more."""
    engine.put("cluster", "default", max_vcpus=4)
    job = engine.array(SPANS, 12, limit=2)
    assert engine.wait(job) == ["Successful"]
    assert most_at_once(engine.lines("spans")) == 2


def test_vcpus_are_never_exceeded(engine: Engine) -> None:
    """Tasks of two definitions on one cluster of five vCPUs: at no instant more than five are taken."""
    engine.put("cluster", "default", max_vcpus=5)
    engine.put("definition", "two", vcpus=2)
    engine.put("definition", "one", vcpus=1)
    wide, slim = engine.array(SPANS, 12, definition="two"), engine.array(SPANS.replace("$CYCLONE_TASK_INDEX", "s"), 20, definition="one")
    assert engine.wait(wide, slim) == ["Successful"] * 2
    now = most = 0
    for name, sign, _ in sorted((line.split() for line in engine.lines("spans")), key=lambda words: int(words[2])):
        now += (1 if name == "s" else 2) * (1 if sign == "+" else -1)
        most = max(most, now)
    assert 4 <= most <= 5


def test_memory_is_packed(engine: Engine) -> None:
    """Three tasks of 100 MiB fit into 350 MiB, whatever there is of vCPUs."""
    engine.put("cluster", "default", max_vcpus=8, max_memory_mib=350)
    engine.put("definition", "mem", vcpus=1, memory_limit_mib=100)
    job = engine.array(SPANS, 12, definition="mem")
    assert engine.wait(job) == ["Successful"]
    assert most_at_once(engine.lines("spans")) == 3


def test_the_jobs_to_workers_ratio(engine: Engine) -> None:
    """12 tasks with a ratio of 4: three at once do."""
    engine.put("cluster", "default", max_vcpus=8)
    engine.put("definition", "few", vcpus=1, jobs_to_workers_ratio=4)
    job = engine.array(SPANS, 12, definition="few")
    assert engine.wait(job) == ["Successful"]
    assert 1 <= most_at_once(engine.lines("spans")) <= 3


def test_after_cancelling_no_task_starts(engine: Engine) -> None:
    """What is leased to workers and has not begun is taken back before the answer counts."""
    job = engine.array("echo $CYCLONE_TASK_INDEX >> began; sleep 0.02", 3000)
    engine.until(lambda: len(engine.lines("began")) > 20, "it runs")
    answer = jobs.cancel(engine.state_dir, {"tasks": [(job, None)]})
    began = len(engine.lines("began"))
    assert answer["jobs"] == [job]
    assert engine.wait(job) == ["Cancelled"]
    counts = engine.job(job).counts
    assert sum(counts) == 3000
    assert len(engine.lines("began")) - began <= 4 * (os.cpu_count() or 1)
    assert jobs.cancel(engine.state_dir, {"tasks": [(job, None), (99, None), (job, 4000)]})["finished"] == [job]


def test_a_running_task_is_told_to_end(engine: Engine) -> None:
    """TERM first: it may tidy up. KILL later, for its whole tree."""
    polite = engine.submit("trap 'echo term > polite; exit 3' TERM; echo > ready1; sleep 3600 & wait")
    deaf = engine.submit(f"trap '' TERM; (trap '' TERM; exec sleep 3600.{engine.token}) & echo > ready2; while :; do sleep 1; done")
    engine.has_file("ready1"), engine.has_file("ready2")
    began = time.monotonic()
    jobs.cancel(engine.state_dir, {"tasks": [(polite, None), (deaf, None)]})
    assert engine.wait(polite) == ["Cancelled"]
    assert engine.has_file("polite").read_text() == "term\n"
    assert time.monotonic() - began < 2
    assert engine.wait(deaf) == ["Cancelled"]
    assert 2 < time.monotonic() - began < 15
    assert engine.tasks() == []


def test_cancelling_while_no_worker_listens(engine: Engine) -> None:
    """The wish outlives the supervisor: a task that runs meanwhile is ended when its worker is back."""
    job = engine.submit("echo $$ > pid; sleep 3600")
    pid = engine.pid("pid")
    engine.kill_supervisor()
    assert jobs.cancel(engine.state_dir, {"tasks": [(job, None)]})["tasks"] == 1
    assert engine.wait(job) == ["Cancelled"]
    assert not is_alive(pid)


def test_cancelled_and_its_worker_dies(engine: Engine) -> None:
    """It is Cancelled and not run again."""
    job = engine.submit("trap '' TERM; echo $CYCLONE_ATTEMPT >> runs; while :; do sleep 1; done", retries=3)
    engine.has_file("runs")
    jobs.cancel(engine.state_dir, {"tasks": [(job, None)]})
    engine.kill_workers()
    assert engine.wait(job) == ["Cancelled"]
    assert engine.lines("runs") == ["1"]


def test_single_tasks_of_an_array_are_cancelled(engine: Engine) -> None:
    """The others run; the array's counters tell."""
    engine.put("queue", "held", cluster="default", paused=True)
    job = engine.array("echo $CYCLONE_TASK_INDEX >> runs", 6, queue="held")
    answer = jobs.cancel(engine.state_dir, {"tasks": [(job, 2), (job, 5), (job, 7)]})
    assert (answer["tasks"], answer["unknown"]) == (2, [(job, 7)])
    engine.put("queue", "held", cluster="default", paused=False)
    assert engine.wait(job) == ["Cancelled"]
    assert sorted(engine.lines("runs")) == ["1", "3", "4", "6"]
    assert engine.job(job).counts == (0, 0, 4, 0, 2, 0)


def test_retries(engine: Engine) -> None:
    """Its own failures count, exit codes that may not be retried end it at once."""
    again = engine.submit("echo $CYCLONE_ATTEMPT >> again; [ $CYCLONE_ATTEMPT = 3 ]", retries=2)
    once = engine.submit("echo $CYCLONE_ATTEMPT >> once; exit 4", retries=2, retry_exit=((10, 20),))
    assert engine.wait(again, once) == ["Successful", "Failed"]
    assert (engine.lines("again"), engine.lines("once")) == (["1", "2", "3"], ["1"])
    assert [one.exit_code for one in engine.attempts(again)] == [1, 1, 0]


def test_why_it_waits(engine: Engine) -> None:
    """Its own limit, what is before it, and what can never be."""
    engine.put("cluster", "default", max_vcpus=1)
    first = engine.submit("until [ -e go ]; do sleep 0.05; done")
    engine.until(lambda: engine.job(first).state == "Running", "it runs")
    limited, second = engine.array("exit 0", 5, limit=1), engine.submit("exit 0")
    assert "5 tasks ahead of it" in why(engine, second)
    assert "starts as soon as" in why(engine, limited) or "it is the next" in why(engine, limited)
    (engine.work_dir / "go").touch()
    assert engine.wait(first, limited, second) == ["Successful"] * 3
