"""EC2 speaks neither JSON nor REST: a form of flat names goes there, XML comes back. Pure.

Parameters have their names on the wire, which for lists is the singular (`InstanceId=["i-1"]` -> `InstanceId.1=i-1`); the API reference
of EC2 lists them: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/. Answers too are under their names on the wire (`reservationSet`,
`instancesSet`, `instanceId`), all values as texts, since XML does not tell what is a number.
"""

from cyclone_core.aws.lean.signing import quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

VERSION = "2016-11-15"
FORM = "application/x-www-form-urlencoded; charset=utf-8"
_MAKES = ("Create", "Run", "Request", "Allocate", "Copy")
"""Operations whose names begin so make something new each time, unless a token says that it is the same."""


def form(operation: str, parameters: "dict[str, Any]") -> bytes:
    """What is sent. parameters: texts, numbers, booleans, bytes (sent as base64), and lists and dicts of them; None is left out.

    Raises TypeError for other values.
    """
    pairs = [("Action", operation), ("Version", VERSION)]
    _flatten("", parameters, pairs)
    return "&".join([f"{quote(name)}={quote(value)}" for name, value in pairs]).encode("ascii")


def repeats(operation: str, parameters: "dict[str, Any]") -> bool:
    """Whether doing it twice is harmless."""
    return "ClientToken" in parameters or not operation.startswith(_MAKES)


def loads(data: bytes) -> "dict[str, Any]":
    """An answer. An element is a dict; one that holds `item`s is a list; one without elements its text.

    Empty elements are [] when their names end in Set (EC2's lists), else "": both are false, and nothing is found in both.
    Raises ValueError for what is no XML.
    """
    from pyexpat import ExpatError, ParserCreate

    reader, parser = _Reader(), ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = reader.start, reader.end, reader.text
    try:
        parser.Parse(data, True)
    except ExpatError as exc:
        raise ValueError(f"no XML: {exc}") from exc
    return reader.root if isinstance(reader.root, dict) else {}


class _Reader:
    """Builds values from what the parser tells."""

    def __init__(self) -> None:
        self.root: Any = {}
        self._open: list[tuple[list[tuple[str, Any]], list[str]]] = []
        """Elements that have not ended: what they hold, and their text."""

    def start(self, name: str, attributes: "dict[str, str]") -> None:
        self._open.append(([], []))

    def text(self, text: str) -> None:
        self._open[-1][1].append(text)

    def end(self, name: str) -> None:
        held, texts = self._open.pop()
        value = _value(name, held, "".join(texts))
        if self._open:
            self._open[-1][0].append((name, value))
        else:
            self.root = value


def _value(name: str, held: "list[tuple[str, Any]]", text: str) -> "Any":
    if not held:
        return [] if name.endswith("Set") and not text.strip() else text
    if all(inner == "item" for inner, _ in held):
        return [value for _, value in held]
    return dict(held)


def _flatten(name: str, value: "Any", pairs: "list[tuple[str, str]]") -> None:
    """Add what a value is on the wire."""
    if isinstance(value, dict):
        for key, inner in value.items():
            _flatten(f"{name}.{key}" if name else key, inner, pairs)
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value, 1):
            _flatten(f"{name}.{number}", inner, pairs)
    elif value is not None:
        pairs.append((name, _text(name, value)))


def _text(name: str, value: "Any") -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        from binascii import b2a_base64

        return b2a_base64(value, newline=False).decode()
    if isinstance(value, str | int | float):
        return str(value)
    raise TypeError(f"{name} cannot be sent to EC2: {type(value).__name__} is no text, number, list or dict")
