"""What tests of a real account share. They are skipped unless somebody asks for them, since they make things in that account.

CYCLONE_REAL_AWS=1 asks; which account and region it is, AWS_PROFILE (or keys in variables) and AWS_REGION say. All other tests take these
variables away, so they are noted before.
"""

import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext

import pytest

from tests.real_aws.smallest_host import SmallestHost

ASK = "CYCLONE_REAL_AWS"
_GIVEN = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
Say = Callable[[str], None]


def why_not(environment: Mapping[str, str]) -> str:
    """Why nothing is made in an account, "" when somebody asked for it."""
    if environment.get(ASK) != "1":
        return f"makes a host in a real AWS account: {ASK}=1 AWS_PROFILE=… AWS_REGION=… asks for it (CONTRIBUTING.md)"
    if not (environment.get("AWS_PROFILE") or environment.get("AWS_ACCESS_KEY_ID")) or not environment.get("AWS_REGION"):
        return f"{ASK} asks for a real AWS account, and AWS_PROFILE (or keys) and AWS_REGION have to say which, and where"
    return ""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip before anything is started."""
    why = why_not(os.environ)
    for item in items:
        if why and item.get_closest_marker("real_aws"):
            item.add_marker(pytest.mark.skip(reason=why))


@pytest.fixture
def say(pytestconfig: pytest.Config) -> Say:
    """Tell whoever waits, while the test goes on."""
    terminal, capture = map(pytestconfig.pluginmanager.getplugin, ("terminalreporter", "capturemanager"))

    def tell(text: str) -> None:
        with capture.global_and_fixture_disabled() if capture else nullcontext():
            terminal.ensure_newline()
            terminal.write_line(text)

    return tell


@pytest.fixture
def smallest(monkeypatch: pytest.MonkeyPatch, say: Say) -> Iterator[SmallestHost]:
    """A host with a name of its own that is not there yet; whatever becomes of the test, everything of it is deleted."""
    for name, value in _GIVEN.items():
        monkeypatch.setenv(name, value)
    with SmallestHost.named(f"cytest-{secrets.token_hex(3)}", say) as made:
        yield made
