"""What tests of `hyper` share: the command run in this process, and every host it started stopped afterwards."""

from collections.abc import Callable, Iterator

import pytest

from cyclone_core.operations import hosts
from cyclone_tui.cli import diagnostics, hyper

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run_hyper(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Run `hyper` without a terminal: (exit code, stdout, stderr)."""
    for name, value in {"COLUMNS": "100", "NO_COLOR": "1"}.items():
        monkeypatch.setenv(name, value)

    def run(*argv: str) -> tuple[int, str, str]:
        code = diagnostics.code_of("hyper", hyper.run, list(argv))
        out, err = capfd.readouterr()
        return code, out, err

    yield run
    stop_hosts()


def stop_hosts() -> None:
    """Stop every local host of this test's home."""
    for status in hosts.list_hosts()[0]:
        if status.state == "running":
            hosts.stop(status.host)
