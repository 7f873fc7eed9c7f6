"""Templates that have been made before, as files: `NAME.json` for a target, `assets/KEY` for each file that templates need.

A name is made from the target and from everything else that a template depends on: the sources of the stacks and functions, and the version
of the CDK. What cannot be read, is not whole, or lacks a file, counts as not there. Files appear whole (written beside, then renamed); a
directory that cannot be written is no error: the template is made each time. What nobody asked for in 90 days is removed.
"""

import importlib.metadata
import json
import os
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, cached_property
from hashlib import sha256
from pathlib import Path

from cyclone_core import paths
from cyclone_core.infra.targets import Target

_DAY_S = 86_400
_KEPT_S = 90 * _DAY_S
_CORE = Path(__file__).parents[1]
_SOURCES = (
    "__init__.py",
    "certificates.py",
    "errors.py",
    "locks.py",
    "naming.py",
    "problems.py",
    "resource_bodies.py",
    "resource_fields.py",
    "resources.py",
    "infra/addresses.py",
    "infra/compute_environments.py",
    "infra/function_package.py",
    "infra/interface_endpoints.py",
    "infra/joining.py",
    "infra/machine_images.py",
    "infra/plan.py",
    "infra/stacks/*.py",
    "infra/synth_child.py",
    "infra/targets.py",
    "infra/user_data.py",
    "infra/worker_containers.py",
    "infra/worker_package.py",
    "paths.py",
    "ports.py",
    "prices/*.py",
    "prices/table.json",
    "aws/account.py",
    "aws/client.py",
    "aws/codes.py",
    "aws/credentials.py",
    "aws/errors.py",
    "aws/patience.py",
    "aws/words.py",
    "aws/lean/*.py",
    "ids.py",
    "indices.py",
    "jobs.py",
    "journal.py",
    "scheduler/*.py",
    "scheduler/dynamo/*.py",
    "scheduler/lambdas/*.py",
    "scheduler/local/*.py",
    "scheduler/remote/*.py",
    "views.py",
    "wire.py",
    "worker/*.py",
    "worker/warm.sh",
)
"""What templates and functions are made from, below `cyclone_core`."""


@dataclass(frozen=True)
class Asset:
    """A file that has to be in the bucket of assets before a template can be deployed."""

    key: str
    """in the bucket; made from the content"""
    path: str
    """on this machine"""


@dataclass(frozen=True)
class Entry:
    """A template as text (JSON), and its files."""

    text: str
    assets: tuple[Asset, ...] = ()


class TemplateCache:
    """What is in one directory."""

    def __init__(self, root: str | None = None) -> None:
        """root: the directory, made when something is kept; None = the user's own."""
        self._chosen = root
        self._pruned = False

    @cached_property
    def root(self) -> Path:
        """The directory."""
        return Path(self._chosen or os.path.join(paths.cache_dir(), "templates"))

    def get(self, target: Target) -> Entry | None:
        """What was kept for a target, None when nothing whole is there."""
        path = self._path(target)
        try:
            found = json.loads(path.read_bytes())
            text, keys = str(found["text"]), [str(key) for key in found["assets"]]
            if found["digest"] != _digest(text):
                return None
        except (OSError, ValueError, KeyError, TypeError):
            return None
        assets = tuple(Asset(key, str(self._asset(key))) for key in keys)
        if not all(os.path.isfile(asset.path) for asset in assets):
            return None
        self._touch([path, *(Path(asset.path) for asset in assets)])
        return Entry(text, assets)

    def put(self, target: Target, entry: Entry) -> Entry:
        """Keep an entry; the same with its files where they stay, or as it was where nothing can be kept."""
        try:
            self._asset("").mkdir(mode=0o700, parents=True, exist_ok=True)
            os.chmod(self.root, 0o700)
            assets = tuple(Asset(asset.key, self._keep(self._asset(asset.key), Path(asset.path).read_bytes())) for asset in entry.assets)
            found = {"digest": _digest(entry.text), "text": entry.text, "assets": [asset.key for asset in assets]}
            self._keep(self._path(target), json.dumps(found).encode())
        except OSError:
            return entry
        self._prune()
        return Entry(entry.text, assets)

    def _path(self, target: Target) -> Path:
        return self.root / f"{_digest(target.digest() + fingerprint())}.json"

    def _asset(self, key: str) -> Path:
        return self.root / "assets" / os.path.basename(key)

    def _keep(self, path: Path, content: bytes) -> str:
        with tempfile.NamedTemporaryFile(dir=self.root, prefix=".", delete=False) as file:
            try:
                file.write(content)
                file.close()
                os.replace(file.name, path)
            except BaseException:
                with suppress(OSError):
                    os.unlink(file.name)
                raise
        return str(path)

    def _touch(self, files: list[Path]) -> None:
        # Once a day is enough to tell what is used.
        with suppress(OSError):
            for path in files:
                if path.stat().st_mtime < time.time() - _DAY_S:
                    os.utime(path)

    def _prune(self) -> None:
        if self._pruned:
            return
        self._pruned = True
        oldest = time.time() - _KEPT_S
        for path in [*self.root.iterdir(), *self._asset("").iterdir()]:
            with suppress(OSError):
                if path.is_file() and path.stat().st_mtime < oldest:
                    path.unlink()


@cache
def fingerprint() -> str:
    """Of everything but the target that templates depend on."""
    found = sha256()
    for package in ("aws-cdk-lib", "constructs"):
        with suppress(importlib.metadata.PackageNotFoundError):
            found.update(f"{package} {importlib.metadata.version(package)}\n".encode())
    for path in sources():
        found.update(f"{path.name} ".encode() + sha256(path.read_bytes()).digest())
    return found.hexdigest()


def sources() -> list[Path]:
    """The files of this project that templates and functions are made from."""
    return [path for pattern in _SOURCES for path in sorted(_CORE.glob(pattern))]


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
