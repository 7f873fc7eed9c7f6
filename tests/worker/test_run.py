"""How single tasks run and end."""

import os
import signal
from pathlib import Path

from cyclone_core import jobs, wire
from cyclone_core.journal import SPILL_BYTES, End, Start
from tests.worker.conftest import Supervisor, alive


def test_hello_names_worker_journal_and_version(supervisor: Supervisor) -> None:
    """The first message says who it is; nothing runs yet."""
    version, worker, pid, journal, size, running = supervisor.hello
    assert (version, worker, journal, size, running) == (wire.VERSION, 3, 8, 0, [])
    assert supervisor.worker
    assert pid == supervisor.worker.pid


def test_output_and_success(supervisor: Supervisor) -> None:
    """A task's output is in its END frame and its row says 0."""
    assert supervisor.run("echo hello; echo more >&2") == b"hello\nmore\n"
    assert supervisor.code() == 0


def test_exit_status(supervisor: Supervisor) -> None:
    """The exit status is the script's."""
    supervisor.lease("exit 42")
    assert supervisor.code() == jobs.outcome(42 << 8)


def test_signal_is_told_as_signal(supervisor: Supervisor) -> None:
    """A script killed by a signal has no exit status."""
    supervisor.lease("kill -SEGV $$")
    assert jobs.signal_of(supervisor.code()) == signal.SIGSEGV


def test_foreign_kill_has_a_reason(supervisor: Supervisor) -> None:
    """SIGKILL that we did not send points at the out-of-memory killer."""
    supervisor.lease("kill -KILL $$")
    assert jobs.signal_of(supervisor.code()) == signal.SIGKILL
    assert "out-of-memory" in supervisor.reasons[7, 1]


def test_journal_has_start_before_end(supervisor: Supervisor) -> None:
    """Every attempt has a START frame before its END frame, and the row points at the latter."""
    supervisor.lease("echo x", 1, 5)
    supervisor.until(lambda: len(supervisor.rows) == 5)
    seen: set[int] = set()
    for frame in supervisor.frames():
        if isinstance(frame, Start):
            seen.add(frame.position)
        else:
            assert frame.position in seen
            assert frame.row() == supervisor.rows[7, frame.position]
    assert len(seen) == 5


def test_resources_are_recorded(supervisor: Supervisor) -> None:
    """CPU time and memory of the attempt are in its END frame."""
    supervisor.lease("for ((i = 0; i < 30000; i++)); do :; done")
    end = supervisor.end()
    assert end.user_us > 1000
    assert end.max_rss_kib > 1000


def test_working_directory_is_the_submission_directory(supervisor: Supervisor, tmp_path: Path) -> None:
    """Tasks run where the job was submitted."""
    assert supervisor.run("pwd -P", directory=str(tmp_path)) == os.fsencode(os.path.realpath(tmp_path)) + b"\n"


def test_working_directory_of_the_worker_is_reused(supervisor: Supervisor) -> None:
    """With `working_directory: worker` the next task finds what this one left."""
    lane = {"working_directory": "worker"}
    supervisor.lease("echo left > file; pwd", lane=lane)
    assert supervisor.output().rstrip().endswith(b"/workdirs/3")
    supervisor.lease("cat file", job=8, lane=lane)
    assert supervisor.output(job=8) == b"left\n"


def test_vanished_directory(supervisor: Supervisor) -> None:
    """A working directory that is gone: not started, and the reason names it."""
    supervisor.lease("echo x", directory="/nowhere/at/all")
    assert jobs.cause_of(supervisor.code()) == jobs.CAUSE_NOT_STARTED
    assert supervisor.reasons[7, 1] == "the working directory /nowhere/at/all cannot be entered: No such file or directory"


def test_missing_interpreter(supervisor: Supervisor) -> None:
    """An interpreter that is not there: not started, and the reason names it."""
    supervisor.lease("echo x", interpreter=["/opt/none/python9"])
    assert jobs.cause_of(supervisor.code()) == jobs.CAUSE_NOT_STARTED
    assert "/opt/none/python9 cannot be started: No such file" in supervisor.reasons[7, 1]


def test_interpreter_found_on_path_with_arguments(supervisor: Supervisor) -> None:
    """An interpreter without a slash is looked for on the task's PATH."""
    assert supervisor.run("echo $-", interpreter=["bash", "-e"]).startswith(b"e")


def test_missing_script(supervisor: Supervisor) -> None:
    """A stored script that is gone: not started."""
    supervisor.lease("echo x", script="0")
    assert jobs.cause_of(supervisor.code()) == jobs.CAUSE_NOT_STARTED
    assert "stored script" in supervisor.reasons[7, 1]


def test_environment_too_large(supervisor: Supervisor) -> None:
    """What exec refuses for its size is told as that."""
    supervisor.lease("echo x", environment={"BIG": "x" * 200_000})
    assert jobs.cause_of(supervisor.code()) == jobs.CAUSE_NOT_STARTED
    assert "larger than the system allows" in supervisor.reasons[7, 1]


def test_a_task_that_fails_to_start_does_not_stop_others(supervisor: Supervisor) -> None:
    """The next task of the stream runs."""
    supervisor.lease("echo x", interpreter=["/opt/none"])
    supervisor.lease("echo fine", job=8)
    assert supervisor.output(job=8) == b"fine\n"


def test_own_session_and_no_input(supervisor: Supervisor) -> None:
    """Each task leads a session and a group of its own and reads /dev/null."""
    output = supervisor.run(
        "set -- $(cut -d' ' -f5,6 /proc/$$/stat); echo $(($1 == $$ && $2 == $$)); cat; readlink /proc/self/fd/0; ls /proc/self/fd"
    )
    assert output.split() == [b"1", b"/dev/null", b"0", b"1", b"2", b"3"]


def test_background_children_end_with_the_task(supervisor: Supervisor) -> None:
    """A child left in the background is killed with its group."""
    pid = int(supervisor.run("sleep 600 & echo $!"))
    supervisor.until(lambda: not alive(pid))


def test_daemons_end_with_the_task(supervisor: Supervisor) -> None:
    """Neither a new session nor an emptied environment lets a child outlive its task."""
    supervisor.lease(
        "setsid sleep 600 & echo $! > one; env -i /usr/bin/setsid /bin/bash -c 'echo $$ > two; /bin/sleep 600 & echo $! > three; wait' &\n"
        "until [ -s one ] && [ -s three ]; do sleep 0.01; done"
    )
    supervisor.result()
    for name in ("one", "two", "three"):
        pid = int(supervisor.path(name).read_text())
        supervisor.until(lambda pid=pid: not alive(pid), f"the end of {name}")


def test_daemon_of_a_running_task_is_left_alone(supervisor: Supervisor) -> None:
    """What ends with one task never takes along a daemon of another one that still runs."""
    supervisor.lease(
        "(setsid env -i /bin/sleep 600 &) ; (setsid sleep 601 & echo $! > marked)\n"
        "pgrep -nf '^/bin/sleep 600' > bare; echo > ready; sleep 600",
        stream=1,
    )
    supervisor.appears("ready")
    supervisor.lease("setsid sleep 602 &", job=8, stream=2)
    supervisor.result(job=8)
    supervisor.lease("true", job=9, stream=2)
    supervisor.result(job=9)
    pids = [int(pid) for pid in supervisor.path("bare").read_text().split()[:1]] + [int(supervisor.path("marked").read_text())]
    assert all(alive(pid) for pid in pids)
    supervisor.send("cancel", 7, 0)
    supervisor.result()
    supervisor.until(lambda: not any(alive(pid) for pid in pids))


def test_no_newline_at_the_end(supervisor: Supervisor) -> None:
    """Output is kept to the byte."""
    assert supervisor.run("printf abc") == b"abc"


def test_output_that_is_no_text(supervisor: Supervisor) -> None:
    """Bytes that are no UTF-8 come through unchanged, NUL bytes too."""
    assert supervisor.run(r"printf '\377\376\000\200'") == b"\xff\xfe\x00\x80"


def test_dev_stderr_does_not_truncate(supervisor: Supervisor) -> None:
    """Opening /dev/stderr anew loses nothing of what was written before."""
    assert supervisor.run("echo a; echo b > /dev/stderr; echo c") == b"a\nb\nc\n"


def test_closed_output(supervisor: Supervisor) -> None:
    """A task may close its outputs and go on."""
    assert supervisor.run("echo first; exec >&- 2>&-; sleep 0.4") == b"first\n"
    assert supervisor.code() == 0


def test_late_output_of_a_child_stays_out_of_the_next_task(supervisor: Supervisor) -> None:
    """Outputs of tasks never mix."""
    supervisor.lease("(sleep 0.2; echo late) & echo one")
    supervisor.lease("sleep 0.5; echo two", job=8)
    assert (supervisor.output(), supervisor.output(job=8)) == (b"one\n", b"two\n")


def test_medium_output_stays_in_the_journal(supervisor: Supervisor) -> None:
    """Up to SPILL_BYTES there is no file."""
    assert len(supervisor.run(f"head -c {SPILL_BYTES} /dev/zero")) == SPILL_BYTES
    assert not supervisor.end().flags
    assert not os.listdir(f"{supervisor.state}/outputs")


def test_larger_output_has_its_file(supervisor: Supervisor) -> None:
    """Above SPILL_BYTES the output lies in its own file, complete."""
    assert supervisor.run("seq 200000") == b"".join(b"%d\n" % n for n in range(1, 200001))
    assert supervisor.end().flags
    assert supervisor.result()[7] == supervisor.end().size


def test_huge_output_is_bounded(supervisor: Supervisor) -> None:
    """The head and the last MiB are kept, one line tells how much is missing."""
    output = supervisor.run("head -c 200000000 /dev/zero; echo; echo end", lane={"output_limit_mib": 4})
    head, _, rest = output.partition(b"\n[cyclone: ")
    number, _, tail = rest.partition(b" bytes left out here; a task keeps 4 MiB]\n")
    dropped = int(number.replace(b",", b""))
    assert len(head) == 3 << 20
    assert len(tail) == 1 << 20
    assert tail.endswith(b"end\n")
    assert len(head) + len(tail) + dropped == 200_000_005
    assert supervisor.end().dropped == dropped


def test_output_just_within_the_limit_is_whole(supervisor: Supervisor) -> None:
    """What fits is not cut, although it passes through the window of the tail."""
    output = supervisor.run(f"head -c {(2 << 20) - 3} /dev/zero; echo ab", lane={"output_limit_mib": 2})
    assert len(output) == 2 << 20
    assert output.endswith(b"\0ab\n")
    assert supervisor.end().dropped == 0


def test_output_of_a_running_task_can_be_followed(supervisor: Supervisor) -> None:
    """A task that talks for long writes to its file, which is folded into the journal at the end."""
    supervisor.lease("echo one; sleep 0.5; echo two; until [ -e go ]; do sleep 0.02; done")
    path = Path(supervisor.appears("outputs/7-1-1"))
    supervisor.until(lambda: path.read_bytes() == b"one\ntwo\n")
    supervisor.path("go").touch()
    assert supervisor.output() == b"one\ntwo\n"
    assert not path.exists()


def test_tasks_that_print_many_short_lines(supervisor: Supervisor) -> None:
    """Nothing is lost when lines come one by one."""
    output = supervisor.run("for ((i = 0; i < 20000; i++)); do echo line $i; done")
    assert output.count(b"\n") == 20000
    assert isinstance(supervisor.frames()[-1], End)
