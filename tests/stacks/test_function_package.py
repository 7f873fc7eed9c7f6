"""What a function runs is the same wherever it is packed."""

import io
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from cyclone_core.infra import function_package
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


def test_a_package_has_all_that_its_function_imports(tmp_path: Path) -> None:
    """It starts with nothing else of this project."""
    with zipfile.ZipFile(io.BytesIO(function_package.packed(HEALTH_MODULES))) as archive:
        archive.extractall(tmp_path)
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import {HEALTH_MODULES[-1]} as module; print(module.__file__)"
    done = subprocess.run([sys.executable, "-P", "-c", code], env={}, capture_output=True, text=True, check=False)
    assert done.stdout.startswith(str(tmp_path)), done.stderr


def test_a_module_that_is_not_there() -> None:
    """Nothing is packed without it."""
    with pytest.raises(FileNotFoundError, match="nowhere"):
        function_package.packed(["cyclone_core.nowhere"])
