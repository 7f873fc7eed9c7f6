"""`cyclone` in a real terminal, as people use it: keys go in, the screen is read back."""

import os
import re
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from cyclone_core import paths
from cyclone_core.operations.queries import open_host
from cyclone_core.scheduler.sqlite import schema
from tests.cli.conftest import stop_hosts
from tests.tui.terminal import TMUX, Terminal

pytestmark = pytest.mark.skipif(TMUX is None, reason="tmux is not installed")


@pytest.fixture(autouse=True)
def _stopped_afterwards() -> Iterator[None]:
    """Every host that a test started is stopped."""
    yield
    stop_hosts()


def test_welcome_and_quit() -> None:
    """The first start offers to use this machine; `q` leaves with exit code 0."""
    with Terminal() as terminal:
        terminal.wait_for("Welcome to Cyclone", "Use this machine now", r"local . new")
        terminal.press("q")
        terminal.wait_for(r"\[left with 0\]")


def test_a_host_that_cannot_be_read_is_shown_until_it_can() -> None:
    """Also one that was named: the screen says why, and is right once the cause is gone."""
    database = schema.database_path(paths.host_state_dir("local"))
    os.makedirs(os.path.dirname(database))
    with closing(sqlite3.connect(database)) as other:
        other.execute("PRAGMA user_version=999")
    with Terminal("--host", "local", "jobs") as terminal:
        terminal.wait_for("written by a newer Cyclone", "Trying again")
        os.remove(database)
        terminal.wait_for("No job yet")


def test_first_run_to_finished_job() -> None:
    """One key starts the host, submits a first job and follows it to its end."""
    with Terminal() as terminal:
        terminal.wait_for("Use this machine now")
        terminal.press("1")
        terminal.wait_for("job 1", "Running", "second 1 of 5")
        terminal.wait_for("Successful", "Done. Try: qsub", "exit code 0")
        terminal.press("Escape")
        terminal.wait_for("Throughput", "hello")
        terminal.press("q")
        terminal.wait_for(r"\[left with 0\]")


def test_set_up_submit_follow_cancel_and_come_back(tmp_path: os.PathLike[str]) -> None:
    """Cluster, queue and definition by wizard; a job by the form; its log; cancelled; left; there again at the next start."""
    script = os.path.join(tmp_path, "count.sh")
    with open(script, "w", encoding="utf-8") as file:
        file.write("#!/bin/bash\n#HYPER -q fast -d lean\nfor k in $(seq 600); do echo line $k; sleep 0.2; done\n")
    with Terminal() as terminal:
        terminal.wait_for("Use this machine now")
        make(terminal, "new cluster name=side")
        make(terminal, "new queue name=fast")
        make(terminal, "new definition name=lean")
        terminal.command(f"submit script={script}")
        terminal.wait_for("ready: 1 task", "count.sh")
        terminal.press("F10")
        terminal.wait_for("job 1", "Running", "line 3")
        terminal.press("l")
        terminal.wait_for("log 1", "following", "line 9")
        terminal.press("Escape")
        terminal.wait_for("1 Output")
        terminal.press("x")
        terminal.wait_for("Cancel|cancel", r"qdel", "No")
        terminal.press("y")
        terminal.wait_for("Cancelled")
        terminal.press("q")
        terminal.wait_for(r"\[left with 0\]")
    with Terminal("jobs", "--queue", "fast") as terminal:
        terminal.wait_for("count.sh|count", "Cancelled", "qstat -q fast")
        terminal.press("Enter")
        terminal.wait_for("job 1", "line 9")


def make(terminal: Terminal, command: str) -> None:
    """Walk a wizard to its end, taking what it proposes, until its deployment has succeeded."""
    terminal.command(command)
    (steps,) = re.findall(r"step 1 of (\d)", terminal.wait_for(r"step 1 of \d"))
    for step in range(2, int(steps) + 1):
        terminal.press("NPage")
        terminal.wait_for(rf"step {step} of {steps}")
    terminal.wait_for("Plan", r"\+ create")
    terminal.press("Enter")
    terminal.wait_for("SUCCEEDED")


def test_a_dead_supervisor_is_replaced(tmp_path: os.PathLike[str]) -> None:
    """Killed while a job runs: the screen goes on, and the job ends as if nothing had been."""
    with Terminal() as terminal:
        terminal.wait_for("Use this machine now")
        terminal.press("1")
        terminal.wait_for("second 1 of 5")
        with open_host() as host:
            from cyclone_core.operations import hosts

            os.kill(hosts.status(host.name).details["pid"], signal.SIGKILL)
        terminal.wait_for("Successful", "second 5 of 5", "exit code 0", seconds=60)


def test_lost_terminal_loses_nothing() -> None:
    """The connection breaks while a job runs: the job runs to its end without anybody looking."""
    with Terminal() as terminal:
        terminal.wait_for("Use this machine now")
        terminal.press("1")
        terminal.wait_for("second 1 of 5")
    with Terminal("job", "1") as terminal:  # the first one was killed with its terminal
        terminal.wait_for("Successful", "second 5 of 5", "attempt 1|exit code 0")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_gives_the_terminal_back(number: int) -> None:
    """As with `q`: what is typed next is seen, and the shell's screen is there again."""
    with Terminal("help") as terminal:
        terminal.wait_for("Keys")
        os.kill(terminal.pid(), number)
        terminal.wait_for(rf"\[left with {128 + number}\]")
        terminal.type("seen")
        terminal.wait_for("seen")


def test_bare_console() -> None:
    """On the kernel's console every sign is one that its font has."""
    with Terminal("help", TERM="linux", LANG="C") as terminal:
        screen = terminal.wait_for("Keys everywhere")
        assert "●" not in screen
        assert "○" not in screen


@pytest.mark.parametrize("size", [(20, 6), (40, 12), (300, 80)])
def test_any_size(size: tuple[int, int]) -> None:
    """Far too small or very large, it draws, takes keys and leaves."""
    with Terminal("jobs", size=size) as terminal:
        terminal.wait_for("cyclone|jobs|qstat")
        terminal.press("j", "?", "q")
        terminal.wait_for(r"left with 0")
