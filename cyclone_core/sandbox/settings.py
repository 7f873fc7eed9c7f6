"""How a sandbox is started, and what it tells about itself while it runs: two small files in its directory.

settings.json     how it was started (written by whoever starts it)
running.json      written once it serves, removed at its end; `lock` says whether it is true
credentials       an AWS credentials file with the keys of this start, 0600
faults.json       see `faults`
spot.json         see `spot`
lock              held by the sandbox's process as long as it lives
log, jobs/, tmp/, home/
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

ACCOUNT = "123456789012"
PROFILE = "cyclone-sandbox"
"""Profile of the credentials file."""
REGION = "us-east-1"
"""For clients that name none."""


@dataclass(frozen=True)
class Settings:
    """How a sandbox is started."""

    port: int = 0
    """Of 127.0.0.1; 0 for any that is free."""
    jobs: Literal["processes", "containers"] = "processes"
    """What jobs of AWS Batch run as."""
    engine: str = ""
    """Path of docker or podman, for containers."""
    running_jobs: int = 32
    """So many attempts of jobs at once."""
    shortest_timeout_s: int = 60
    """Shortest timeout that a job may have; AWS takes no less than 60."""
    grace_s: float = 30.0
    """Between SIGTERM and SIGKILL of a job that is ended."""
    notice_s: float = 120.0
    """Between the notice of a spot interruption and the end of the instance."""
    log_level: str = "WARNING"


@dataclass(frozen=True)
class Running:
    """A sandbox that serves."""

    pid: int
    port: int
    started: float
    """Seconds since 1970."""
    jobs: str
    account: str = ACCOUNT

    @property
    def endpoint(self) -> str:
        """What `AWS_ENDPOINT_URL` has to be."""
        return f"http://127.0.0.1:{self.port}"


class Directory:
    """The files of a sandbox."""

    def __init__(self, root: str) -> None:
        self.root = Path(root)
        self.lock, self.log, self.faults = self.root / "lock", self.root / "log", self.root / "faults.json"
        self.spot = self.root / "spot.json"
        self.credentials, self.jobs = self.root / "credentials", self.root / "jobs"
        self.temporary, self.home = self.root / "tmp", self.root / "home"
        self._settings, self._running = self.root / "settings.json", self.root / "running.json"

    def write_settings(self, settings: Settings) -> None:
        """For the process that is about to start."""
        self._settings.write_text(json.dumps(asdict(settings)), encoding="utf-8")

    def settings(self) -> Settings:
        """How it was started."""
        return Settings(**json.loads(self._settings.read_text(encoding="utf-8")))

    def write_running(self, running: Running | None) -> None:
        """Tell that it serves, or does no longer."""
        if running is None:
            self._running.unlink(missing_ok=True)
            return
        beside = self._running.with_suffix(".new")
        beside.write_text(json.dumps(asdict(running)), encoding="utf-8")
        beside.replace(self._running)

    def running(self) -> Running | None:
        """What it told last, None when it does not serve yet."""
        try:
            return Running(**json.loads(self._running.read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError, TypeError):
            return None
