"""What the installed package holds: everything that is in the repository, data files included."""

from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_every_file_of_the_packages_is_installed() -> None:
    """No module or data file of the checkout (shell scripts, style sheets, type markers) is missing from the installation."""
    try:
        installed = {str(path) for path in files("cyclone-hpc") or ()}
    except PackageNotFoundError:
        pytest.skip("the package is not installed beside this Python (bash install.sh --test installs it)")
    here = {
        str(path.relative_to(ROOT))
        for package in ("cyclone_core", "cyclone_tui")
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts  # a worker that was killed may leave half of a file there
    }
    assert here - installed == set()
    assert any(name.endswith("licenses/LICENSE") for name in installed)
