"""What a Lambda function runs, as a zip that is the same whenever and wherever it is made: the CDK names it by its hash.

Pure but for reading this project's own modules. Times, order and rights are fixed, and nothing is compressed: how well a machine compresses
depends on its zlib, and the few modules of a function are small.
"""

import ast
import io
import zipfile
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

_PROJECT = Path(__file__).parents[2]
_PACKAGE = "cyclone_core"
_DATA = {"cyclone_core.prices.shapes": "cyclone_core/prices/table.json", "cyclone_core.worker.warm": "cyclone_core/worker/warm.sh"}
"""Module -> the file that it reads from beside it."""
_TIME = (1980, 1, 1, 0, 0, 0)
"""The earliest that a zip can say."""
_MODE = 0o100644 << 16
"""Lambda runs as another user than the one who owns the files: everybody may read."""


def needed(module: str) -> tuple[str, ...]:
    """A module of this project and those that it imports, wherever in them that is said, but for type checkers only; in order.

    Raises FileNotFoundError when one is not there.
    """
    found: set[str] = set()
    left = [module]
    while left:
        if (name := left.pop()) not in found:
            found.add(name)
            left += _imported(name)
    return tuple(sorted(found))


def packed(modules: Sequence[str], more: Sequence[str] = ()) -> bytes:
    """A zip of modules, such as `cyclone_core.scheduler.lambdas.health`, with the packages that they are in (as empty ones).

    Modules that they import have to be named too; more: other files of this project, by their paths. Raises FileNotFoundError for one that
    is not there.
    """
    files = {path: _source(path) for path in (*map(_path, modules), *(_DATA[name] for name in modules if name in _DATA), *more)}
    for path in list(files):
        for folder in list(Path(path).parents)[:-1]:
            files.setdefault(f"{folder}/__init__.py", b"")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for path, content in sorted(files.items()):
            entry = zipfile.ZipInfo(path, _TIME)
            entry.external_attr = _MODE
            entry.create_system = 3
            archive.writestr(entry, content)
    return buffer.getvalue()


def _path(module: str) -> str:
    return module.replace(".", "/") + ".py"


@cache
def _source(path: str) -> bytes:
    return (_PROJECT / path).read_bytes()


@cache
def _imported(module: str) -> tuple[str, ...]:
    return tuple(_names(ast.parse(_source(_path(module)))))


def _names(tree: ast.AST) -> Iterator[str]:
    """The modules of this project that some code imports. Packages are packed as empty ones, so importing a package imports nothing."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if _is_module(alias.name))
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (name for name in (node.module, *(f"{node.module}.{alias.name}" for alias in node.names)) if _is_module(name))
        yield from _names(node)


def _is_module(name: str) -> bool:
    return name.startswith(f"{_PACKAGE}.") and (_PROJECT / _path(name)).is_file()
