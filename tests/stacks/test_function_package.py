"""What a function runs is the same wherever it is packed."""

import io
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from cyclone_core.infra import function_package
from cyclone_core.infra.stacks.engine import HANDLERS
from cyclone_core.infra.stacks.host import HEALTH_MODULES


def test_order_and_time_do_not_matter() -> None:
    """Equal modules are equal bytes, with nothing of the machine in them."""
    packed = function_package.packed(HEALTH_MODULES)
    assert packed == function_package.packed(HEALTH_MODULES[::-1])
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        entries = archive.infolist()
    assert [entry.filename for entry in entries] == sorted(entry.filename for entry in entries)
    assert {(entry.date_time, entry.compress_type, entry.external_attr >> 16) for entry in entries} == {
        ((1980, 1, 1, 0, 0, 0), 0, 0o100644)
    }


MODULES = {HEALTH_MODULES[-1]: HEALTH_MODULES, **{module: function_package.needed(module) for module in HANDLERS.values()}}


@pytest.mark.parametrize("module", MODULES)
def test_a_package_has_all_that_its_function_imports(tmp_path: Path, module: str) -> None:
    """It starts with nothing else of this project, and all but the one that looks at a host without any library."""
    with zipfile.ZipFile(io.BytesIO(function_package.packed(MODULES[module]))) as archive:
        archive.extractall(tmp_path)
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import {module} as module; print(module.__file__, callable(module.handler))"
    alone = ["-P"] if module == HEALTH_MODULES[-1] else ["-I", "-S"]
    done = subprocess.run([sys.executable, *alone, "-c", code], env={}, capture_output=True, text=True, check=False)
    assert done.stdout.startswith(str(tmp_path)), done.stderr
    assert done.stdout.endswith("True\n")


def test_what_a_module_needs() -> None:
    """Modules that it imports at once or later, and those that they import; not what type checkers look at, nor packages."""
    found = function_package.needed("cyclone_core.scheduler.dynamo.queues")
    assert {"cyclone_core.naming", "cyclone_core.problems", "cyclone_core.scheduler.dynamo.keys"} <= set(found)
    assert "cyclone_core" not in found
    assert "cyclone_core.ports" not in found


def test_a_module_that_is_not_there() -> None:
    """Nothing is packed without it."""
    with pytest.raises(FileNotFoundError, match="nowhere"):
        function_package.packed(["cyclone_core.nowhere"])


def test_what_a_module_reads_from_beside_it_is_packed() -> None:
    """The table of prices comes along, and is read where it is unpacked."""
    with zipfile.ZipFile(io.BytesIO(function_package.packed(function_package.needed("cyclone_core.prices.table")))) as archive:
        assert "cyclone_core/prices/table.json" in archive.namelist()
    with zipfile.ZipFile(io.BytesIO(function_package.packed(["cyclone_core.naming"]))) as archive:
        assert "cyclone_core/prices/table.json" not in archive.namelist()
