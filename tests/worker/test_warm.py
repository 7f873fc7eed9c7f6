"""Warm shells: the same results as without, and everything else of a task works on them too."""

import signal

import pytest

from cyclone_core import jobs
from tests.worker.conftest import Supervisor, alive

SCRIPTS = {
    "output": "echo out; echo err >&2; printf 'no newline'",
    "exit": "exit 42",
    "false": "false",
    "signal": "kill -USR1 $BASHPID",
    "name": 'echo "$0" "$#" "${BASH_SOURCE[0]}"',
    "indices": "env | grep -E '^(CYCLONE|PBS|SGE|LSB|SLURM)_' | sort",
    "input": "cat; readlink /proc/self/fd/0",
    "directory": "pwd; cd /; pwd",
    "stderr": "echo a; echo b > /dev/stderr; echo c",
    "trap": "trap 'echo bye' EXIT; echo hello",
    "syntax": "echo before; if",
    "failing": "set -e; false; echo never",
    "large": "seq 30000",
    "closed": "exec >&- 2>&-; true",
    "programs": "ls -d /tmp; env | grep -c CYCLONE_",
    "seconds": "echo $SECONDS",
    "options": "echo ${-//c/}",
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_same_result_as_in_a_shell_of_its_own(supervisor: Supervisor, name: str) -> None:
    """Outcome and output of three tasks do not depend on the way they are run."""
    supervisor.lease(SCRIPTS[name], 1, 3, warm=False)
    cold = {position: (supervisor.code(position), supervisor.output(position)) for position in (1, 2, 3)}
    supervisor.rows.clear()
    supervisor.lease(SCRIPTS[name], 1, 3, warm=True)
    for position in (1, 2, 3):
        assert (supervisor.code(position), supervisor.output(position)) == cold[position]


def test_tasks_share_nothing(supervisor: Supervisor) -> None:
    """Variables, functions, options, directory and umask of one task are unknown to the next."""
    script = "echo ${V-unset} $(type -t f) $(umask) $PWD $-; V=1; f() { :; }; umask 0; cd /; set -u"
    supervisor.lease(script, 1, 3, warm=True)
    assert supervisor.output(1) == supervisor.output(2) == supervisor.output(3)


def test_one_shell_for_many_tasks(supervisor: Supervisor) -> None:
    """`$$` is the shell's: that is what makes them fast."""
    supervisor.lease("echo $$", 1, 50, warm=True)
    supervisor.until(lambda: len(supervisor.rows) == 50)
    assert len({supervisor.output(position) for position in range(1, 51)}) == 1


def test_background_children_end(supervisor: Supervisor) -> None:
    """With the group, and with a session of their own."""
    supervisor.lease("sleep 600 & echo $!; setsid sleep 601 & echo $!", 1, 2, warm=True)
    pids = [int(pid) for position in (1, 2) for pid in supervisor.output(position).split()]
    supervisor.until(lambda: not any(map(alive, pids)))


def test_timeout(supervisor: Supervisor) -> None:
    """A warm task that runs too long is ended; the others are not touched by it."""
    supervisor.lease("[ $CYCLONE_TASK_INDEX = 2 ] && sleep 600; true", 1, 3, warm=True, timeout_s=0.4)
    supervisor.until(lambda: len(supervisor.rows) + sum(high - low + 1 for _, low, high in supervisor.returned) == 3)
    code = supervisor.code(2)
    assert (jobs.cause_of(code), jobs.signal_of(code)) == (jobs.CAUSE_TIMEOUT, signal.SIGTERM)
    assert supervisor.code(1) == 0


def test_cancel(supervisor: Supervisor) -> None:
    """The running task is ended, those that were sent ahead never begin."""
    supervisor.lease("[ $CYCLONE_TASK_INDEX -le 40 ] && exit; touch began.$CYCLONE_TASK_INDEX; sleep 600", 1, 100, warm=True)
    supervisor.until(lambda: supervisor.path("began.41").exists())
    supervisor.send("cancel", 7, 0)
    supervisor.until(lambda: len(supervisor.rows) + sum(high - low + 1 for _, low, high in supervisor.returned) == 100)
    assert jobs.cause_of(supervisor.code(41)) == jobs.CAUSE_CANCELLED
    assert [path.name for path in supervisor.path("").glob("began.*")] == ["began.41"]


def test_give_back(supervisor: Supervisor) -> None:
    """What was sent ahead of a task that turns out long goes back and is not run here."""
    supervisor.lease(
        "[ $CYCLONE_TASK_INDEX -le 40 ] && exit; touch began.$CYCLONE_TASK_INDEX; until [ -e go ]; do sleep 0.02; done", 1, 100, warm=True
    )
    supervisor.until(lambda: sum(high - low + 1 for _, low, high in supervisor.returned) == 59)
    supervisor.path("go").touch()
    supervisor.until(lambda: len(supervisor.rows) == 41)
    supervisor.lease("echo next", 1, 2, job=8, warm=True)
    assert supervisor.output(2, job=8) == b"next\n"
    assert [path.name for path in supervisor.path("").glob("began.*")] == ["began.41"]


def test_script_that_kills_its_shell(supervisor: Supervisor) -> None:
    """The task that did it ends by that signal, the others run in another shell."""
    supervisor.lease("[ $CYCLONE_TASK_INDEX = 10 ] && { kill -KILL $$; sleep 600; }; echo $CYCLONE_TASK_INDEX", 1, 30, warm=True)
    supervisor.until(lambda: len(supervisor.rows) == 30)
    assert jobs.signal_of(supervisor.code(10)) == signal.SIGKILL
    assert {supervisor.output(position) for position in range(11, 31)} == {b"%d\n" % index for index in range(11, 31)}


def test_width(supervisor: Supervisor) -> None:
    """One task per shell, `width` shells."""
    script = "mkdir running.$CYCLONE_TASK_INDEX; echo running.* | wc -w; sleep 0.05; rmdir running.$CYCLONE_TASK_INDEX"
    supervisor.lease(script, 1, 12, warm=True, width=2)
    supervisor.until(lambda: len(supervisor.rows) == 12)
    assert max(int(supervisor.output(position)) for position in range(1, 13)) == 2


def test_vanished_directory(supervisor: Supervisor) -> None:
    """Told as for other tasks."""
    supervisor.lease("echo x", 1, 3, warm=True, directory="/nowhere/at/all")
    supervisor.until(lambda: len(supervisor.rows) == 3)
    assert supervisor.reasons[7, 2].startswith("the working directory /nowhere/at/all cannot be entered")


def test_supervisor_dies(supervisor: Supervisor) -> None:
    """The running warm task is adopted, those sent ahead never begin."""
    supervisor.lease(
        "[ $CYCLONE_TASK_INDEX -le 40 ] && exit; touch began.$CYCLONE_TASK_INDEX; until [ -e go ]; do sleep 0.02; done", 1, 100, warm=True
    )
    supervisor.until(lambda: supervisor.path("began.41").exists())
    supervisor.vanish()
    supervisor.listen()
    supervisor.welcome()
    assert [row[2] for row in supervisor.hello[5]] == [41]
    supervisor.path("go").touch()
    assert supervisor.code(41) == 0
    assert [path.name for path in supervisor.path("").glob("began.*")] == ["began.41"]


def test_stop(supervisor: Supervisor) -> None:
    """The worker ends its shells and leaves."""
    supervisor.lease("echo $BASHPID > pid; sleep 600", 1, 3, warm=True)
    pid = int(supervisor.appears("pid").read_text())
    supervisor.until(lambda: supervisor.running)
    supervisor.until(lambda: supervisor.returned)
    import time

    time.sleep(1)
    supervisor.send("stop", 1)
    assert supervisor.leave() == 0
    assert not alive(pid)
