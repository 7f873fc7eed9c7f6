"""What instance types have, found in the lines of `table.json` without reading the rest of it: for job commands. Lean.

The table itself (`table`) is for whoever compares and prices. To import and to read it takes a tenth of a second, more than a submission.
"""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    Shape = tuple[int, int, int]
    """vCPUs, memory (MiB), GPUs"""

SHIPPED = os.path.join(os.path.dirname(__file__), "table.json")
WORDS: "Mapping[str, tuple[str, ...]]" = {
    "optimal": ("m6i", "c6i", "r6i", "c7i"),
    "default_x86_64": ("m6i", "c6i", "r6i", "c7i"),
    "default_arm64": ("m6g", "c6g", "r6g", "c7g"),
}
"""AWS Batch's own words -> the families that it takes (https://docs.aws.amazon.com/batch/latest/userguide/instance-type-compute-table.html)."""
METAL = "metal"
"""Beginning of sizes that are whole machines: a family means all its others."""


def shapes(words: "Iterable[str]") -> "dict[str, list[Shape]]":
    """Word -> what the types have that it means, as `table.Table.types_of` reads types, families and AWS Batch's own words; [] for one
    that means none."""
    with open(SHIPPED, "rb") as file:
        table = file.read()
    return {word: [shape for name in WORDS.get(word, (word,)) for shape in _shapes(table, name)] for word in words}


def _shapes(table: bytes, name: str) -> "Iterator[Shape]":
    """Of a type, or of all of a family. A type has a line of its own: `"c5.large": [2,4096,0,"x86_64",[…`."""
    begin = f'\n"{name}": [' if "." in name else f'\n"{name}.'
    at = table.find(begin.encode())
    while at >= 0:
        called, _, rest = table[at + 2 : table.find(b',"', at)].partition(b'": [')
        if "." in name or not called.partition(b".")[2].startswith(METAL.encode()):
            vcpus, memory_mib, gpus = rest.split(b",")
            yield int(vcpus), int(memory_mib), int(gpus)
        at = table.find(begin.encode(), at + 1)
