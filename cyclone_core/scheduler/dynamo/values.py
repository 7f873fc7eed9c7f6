"""Values as DynamoDB writes them: {"S": text}, {"N": "1"}, {"B": base64}, {"L": [...]}, {"NS": [...]}. Lean.

Only what items here have: text, whole numbers, bytes, lists of those, sets of whole numbers.
"""

from binascii import a2b_base64, b2a_base64

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Item = dict[str, Any]
    """attribute -> value"""


def pack(item: "Item") -> "Item":
    """An item for DynamoDB; attributes that are None are left out."""
    return {name: _packed(value) for name, value in item.items() if value is not None}


def unpack(item: "Item") -> "Item":
    """An item of DynamoDB's."""
    return {name: _unpacked(value) for name, value in item.items()}


def _packed(value: object) -> "Item":
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, int):  # bool too: 0 and 1
        return {"N": str(int(value))}
    if isinstance(value, bytes | bytearray | memoryview):
        return {"B": b2a_base64(value, newline=False).decode()}
    if isinstance(value, set | frozenset):
        return {"NS": [str(number) for number in sorted(value)]}
    if isinstance(value, list | tuple):
        return {"L": [_packed(one) for one in value]}
    raise TypeError(f"no attribute can hold {value!r}")


def _unpacked(value: "Item") -> "Any":
    ((kind, content),) = value.items()
    if kind == "S":
        return content
    if kind == "N":
        return int(float(content)) if "." in content or "E" in content else int(content)
    if kind == "B":
        return content if isinstance(content, bytes) else a2b_base64(content)
    if kind == "NS":
        return {int(number) for number in content}
    if kind == "L":
        return [_unpacked(one) for one in content]
    raise TypeError(f"items here have no values of type {kind}")
