"""The guided mode on a real terminal (a pty): questions with help and default, answers that are judged, nothing without a terminal."""

import os
import pty
import select
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Run, stop_hosts

ROOT = Path(__file__).parents[2]
CODE = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from cyclone_tui.cli.hyper import main; main()"


class Terminal:
    """A command on a terminal of its own."""

    def __init__(self, *argv: str) -> None:
        self.pid, self.fd = pty.fork()
        if not self.pid:
            os.execv(sys.executable, [sys.executable, "-c", CODE, *argv])
        self.seen = ""

    def read_until(self, text: str) -> None:
        """Wait for text that comes after what was seen."""
        while text not in self.seen:
            assert select.select([self.fd], [], [], 60)[0], self.seen
            self.seen += os.read(self.fd, 65536).decode()

    def answer(self, question: str, answer: str) -> None:
        """Wait for a question, then type."""
        self.read_until(question)
        self.seen = self.seen.partition(question)[2]
        os.write(self.fd, answer.encode())

    def interrupt(self) -> int:
        """Press Ctrl-C until it ends; the exit code. One between a question and the wait for its answer is noticed with the next key."""
        process = os.pidfd_open(self.pid)
        os.write(self.fd, b"\x03")
        while not select.select([process], [], [], 10)[0]:
            os.write(self.fd, b"\x03")
        os.close(process)
        return self.end()[0]

    def end(self) -> tuple[int, str]:
        """Exit code, and what was printed since the last question."""
        try:
            while data := os.read(self.fd, 65536):
                self.seen += data.decode()
        except OSError:  # the terminal closes with its last process
            pass
        os.close(self.fd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1]), self.seen.replace("\r\n", "\n")


@pytest.fixture(autouse=True)
def _stopped(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TERM", "xterm")
    yield
    stop_hosts()


def test_queue_is_made_by_pressing_enter() -> None:
    """Every question has a default, so that clicking through makes something that works."""
    terminal = Terminal("queues", "add-queue")
    terminal.answer("name [queue-1]: ", "\n")
    terminal.answer("cluster [default]: ", "\n")
    terminal.answer("priority [0]: ", "\n")
    code, rest = terminal.end()
    assert code == 0
    assert rest.endswith("queue queue-1 created\n")


def test_questions_explain_themselves() -> None:
    """The line of help and the choices stand above the question."""
    terminal = Terminal("queues", "add-queue", "--name", "q")
    terminal.read_until("cluster [default]: ")
    assert "Cluster that runs its jobs (default)" in terminal.seen
    assert terminal.interrupt() == 130


def test_wrong_answers_are_asked_again() -> None:
    """Each with its reason; options that were given are not asked for."""
    terminal = Terminal("queues", "add-queue", "--name", "q")
    terminal.answer("cluster [default]: ", "defalt\n")
    terminal.answer("there is no cluster 'defalt'. Did you mean 'default'?", "default\n")
    terminal.answer("priority [0]: ", "high\n")
    terminal.answer("'high' is not a whole number", "7\n")
    assert terminal.end()[1].endswith("queue q created\n")


def test_update_shows_what_is_there(run_hyper: Run) -> None:
    """Enter keeps it."""
    run_hyper("queues", "add-queue", "--name", "q", "--priority", "3")
    terminal = Terminal("queues", "update-queue", "--name", "q")
    terminal.answer("cluster [default]: ", "\n")
    terminal.answer("priority [3]: ", "4\n")
    assert terminal.end()[1].endswith("queue q updated\n")


@pytest.mark.parametrize(("answer", "code"), [("n\n", 1), ("\n", 1), ("y\n", 0)])
def test_deleting_asks_first(run_hyper: Run, answer: str, code: int) -> None:
    """Anything but yes is no."""
    run_hyper("queues", "add-queue", "--name", "q")
    terminal = Terminal("queues", "delete-queue", "--name", "q")
    terminal.answer("Delete the queue q? [y/N] ", answer)
    assert terminal.end()[0] == code
    assert ("q " in run_hyper("queues", "list-queues")[1]) is bool(code)


@pytest.mark.parametrize(("answer", "code"), [("y\n", 1), ("lab\n", 0)])
def test_deleting_a_host_asks_for_its_name(run_hyper: Run, answer: str, code: int) -> None:
    """A yes typed out of habit deletes no host."""
    run_hyper("hosts", "create-host", "--name", "lab")
    terminal = Terminal("hosts", "delete-host", "--name", "lab")
    terminal.answer("Type lab to go on: ", answer)
    assert terminal.end()[0] == code


def test_yes_asks_nothing() -> None:
    """--yes takes the defaults."""
    code, rest = Terminal("definitions", "add-definition", "--name", "d", "--yes").end()
    assert (code, rest) == (0, "definition d created\n")


def test_aws_credentials_are_checked_before_more_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody chooses a network for nothing."""
    pytest.importorskip("aws_cdk", reason="AWS hosts need the extra aws")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    terminal = Terminal("hosts", "create-host")
    terminal.answer("type [local]: ", "aws\n")
    terminal.answer("name [host-1]: ", "\n")
    code, rest = terminal.end()
    assert code == 1
    assert "there are no AWS credentials. Set some up: aws configure" in rest


def test_lists_are_tables_on_a_terminal() -> None:
    """With rules and states in words."""
    code, rest = Terminal("clusters", "list-clusters").end()
    assert code == 0
    assert "───" in rest
    assert "ACTIVE" in rest
