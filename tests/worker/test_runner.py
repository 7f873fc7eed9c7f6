"""Both ways to make a process behave alike on this version of Python."""

import os
from pathlib import Path

import pytest

from cyclone_core.worker.runner import Spawner


@pytest.fixture(params=[False, True], ids=["fork_exec", "plain fork"])
def spawner(request: pytest.FixtureRequest) -> Spawner:
    """A spawner of each kind."""
    return Spawner(plain_fork=request.param)


def run(
    spawner: Spawner, script: str, cwd: bytes = b"/", env: tuple[bytes, ...] = (), program: bytes = b"/bin/bash"
) -> tuple[bytes, int, str]:
    """(output, wait status, reason) of a bash command."""
    pipe, out = os.pipe2(os.O_CLOEXEC)
    pid, why = spawner.spawn([b"bash", b"-c", script.encode()], (program,), cwd, list(env), out)
    os.close(out)
    with open(pipe, "rb") as file:
        output = file.read()
    return output, os.waitpid(pid, 0)[1], why


def test_output_directory_and_environment(spawner: Spawner, tmp_path: Path) -> None:
    """Both streams go to the pipe, the rest is as given."""
    output, status, why = run(spawner, 'pwd -P; echo "$A" >&2', os.fsencode(tmp_path.resolve()), (b"A=b=c",))
    assert (output, status, why) == (f"{tmp_path.resolve()}\nb=c\n".encode(), 0, "")


def test_the_fast_way_is_taken_on_this_python() -> None:
    """`fork_exec` still has the parameters that we use; otherwise each start would cost twice as much."""
    spawner = Spawner()
    run(spawner, "true")
    assert not spawner._fork


def test_own_session_without_inherited_descriptors(spawner: Spawner) -> None:
    """The process leads its session, reads /dev/null and has no descriptor that was opened here."""
    ours = os.open("/etc/passwd", os.O_RDONLY)
    output, _, _ = run(spawner, "set -- $(cut -d' ' -f6 /proc/$$/stat); echo $(($1 == $$)); readlink /proc/$$/fd/0; echo /proc/$$/fd/*")
    first, null, descriptors = output.decode().splitlines()
    assert (first, null) == ("1", "/dev/null")
    os.close(ours)
    assert str(ours) not in {os.path.basename(name) for name in descriptors.split()}


def test_signals_have_their_defaults(spawner: Spawner) -> None:
    """What Python ignores is not ignored by tasks."""
    _, status, _ = run(spawner, "kill -PIPE $$")
    assert os.WTERMSIG(status) == 13


@pytest.mark.parametrize(
    ("cwd", "program", "expected"),
    [
        (b"/nowhere", b"/bin/bash", "the working directory /nowhere cannot be entered: No such file or directory"),
        (b"/", b"/bin/nothing", "the interpreter /bin/nothing cannot be started: No such file or directory"),
        (b"/", b"/etc/passwd", "the interpreter /etc/passwd cannot be started: Permission denied"),
    ],
)
def test_reasons(spawner: Spawner, cwd: bytes, program: bytes, expected: str) -> None:
    """What is missing is named, and the child can be waited for."""
    output, status, why = run(spawner, "true", cwd, (), program)
    assert (output, os.waitstatus_to_exitcode(status), why) == (b"", 255, expected)


def test_too_large_environment(spawner: Spawner) -> None:
    """The limit of the system is named as such."""
    assert "larger than the system allows" in run(spawner, "true", env=(b"A=" + b"x" * 200_000,))[2]


def test_inherited_descriptors_on_request(spawner: Spawner) -> None:
    """Warm shells keep two pipes."""
    pipe, out = os.pipe2(os.O_CLOEXEC)
    pid, why = spawner.spawn([b"bash", b"-c", b"echo hello >&%d" % out], (b"/bin/bash",), b"/", [], -1, (out,))
    os.close(out)
    os.waitpid(pid, 0)
    with open(pipe, "rb") as file:
        assert (file.read(), why) == (b"hello\n", "")


def test_umask_is_as_given(spawner: Spawner) -> None:
    """The worker keeps its own."""
    before = os.umask(0o077)
    try:
        pipe, out = os.pipe2(os.O_CLOEXEC)
        pid, _ = spawner.spawn([b"bash", b"-c", b"umask"], (b"/bin/bash",), b"/", [], out, umask=0o027)
        os.close(out)
        with open(pipe, "rb") as file:
            assert file.read() == b"0027\n"
        os.waitpid(pid, 0)
    finally:
        assert os.umask(before) == 0o077
