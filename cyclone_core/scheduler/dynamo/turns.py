"""One at a time, and nobody's question is forgotten: a lock item that ends by itself, in the jobs table.

Who finds it taken leaves a mark, and whoever has it goes round once more instead of leaving.
"""

from collections.abc import Callable
from secrets import token_hex

from cyclone_core.scheduler.dynamo.table import ConditionFailed, Table


class Turn:
    """A lock on whatever `key` stands for."""

    def __init__(self, table: Table, key: tuple[str, str], token: Callable[[], str] = lambda: token_hex(8)) -> None:
        """token: makes what tells holders apart."""
        self._table, self._key, self._token = table, key, token()

    def take(self, now_ms: int, until_ms: int) -> bool:
        """Whether it is ours now (or still), until then at most. If not, its holder knows that somebody asked. Raises AwsError."""
        item = {"token": self._token, "until": until_ms}
        try:
            self._table.put(self._key, item, [("pk", "absent", None)])
            return True
        except ConditionFailed as exc:
            there = exc.item
        same = [("token", "=", there.get("token", ""))]
        try:
            if there.get("token") == self._token or there.get("until", 0) < now_ms:
                self._table.put(self._key, item, same)
                return True
            self._table.update(self._key, set={"again": 1}, when=same)
        except ConditionFailed:
            pass  # it changed hands this moment: whoever has it now has only begun to look
        return False

    def leave(self) -> bool:
        """Give it back; False when somebody asked meanwhile: then it is still ours, and the mark is gone. Raises AwsError."""
        mine = ("token", "=", self._token)
        try:
            self._table.delete(self._key, [mine, ("again", "absent", None)])
            return True
        except ConditionFailed as exc:
            if exc.item.get("token") != self._token:
                return True
        try:
            self._table.update(self._key, remove=["again"], when=[mine])
        except ConditionFailed:
            return True
        return False
