"""Resources of an AWS host as job commands see them: read seldom, but never missed."""

import os

from cyclone_core import paths
from cyclone_core.operations.aws_bodies import KEPT_S, HostBodies

QUEUE = {"queue": {"night": {"cluster": "big"}}}


class Account:
    """Records that change, and how often they were read."""

    def __init__(self) -> None:
        self.bodies, self.asked, self.now = dict(QUEUE), 0, 1000.0

    def read(self) -> dict[str, dict[str, dict[str, object]]]:
        """What is recorded."""
        self.asked += 1
        return self.bodies

    def host(self, place: str = "here") -> HostBodies:
        """As the next command sees it."""
        return HostBodies("grid", place, self.read, lambda: self.now)


def test_many_commands_ask_once() -> None:
    """For a minute."""
    account = Account()
    for _ in range(3):
        assert account.host().find("queue", "night") == {"cluster": "big"}
    assert account.asked == 1
    account.now += KEPT_S + 1
    account.host().all()
    assert account.asked == 2


def test_what_is_not_there_is_looked_for_anew() -> None:
    """A queue that was just made is found at once."""
    account = Account()
    account.host().all()
    account.now += 5
    account.bodies = {"queue": {"new": {"cluster": "big"}}}
    assert account.host().find("queue", "new") == {"cluster": "big"}
    assert account.host().names("queue") == ["new"]


def test_what_was_kept_of_another_host_of_that_name_is_not_used() -> None:
    """A host that was deleted and made in another account."""
    account = Account()
    account.host().all()
    account.bodies = {}
    assert account.host("elsewhere").names("queue") == []


def test_a_file_that_cannot_be_read_is_no_problem() -> None:
    """It is asked for, and written anew; nobody else can read it."""
    account = Account()
    path = os.path.join(paths.host_state_dir("grid"), "records.json")
    os.makedirs(os.path.dirname(path))
    with open(path, "w") as file:
        file.write("[]")
    assert account.host().names("queue") == ["night"]
    assert os.stat(path).st_mode & 0o777 == 0o600
