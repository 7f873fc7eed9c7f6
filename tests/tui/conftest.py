"""What the tests of the full-screen interface share: a host filled by hand, and the application without a terminal."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from cyclone_core import paths
from cyclone_tui.application import CycloneApp
from cyclone_tui.settings import Settings
from tests.filled import FilledHost

Check = Callable[[CycloneApp, Pilot[Any]], Awaitable[None]]


@pytest.fixture
def filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FilledHost:
    """The host `local` of a home of its own; no supervisor runs, and it is marked as stopped so that none is started."""
    monkeypatch.setenv("CYCLONE_HOME", str(tmp_path))
    directory = Path(paths.host_state_dir("local"))
    directory.mkdir(parents=True)
    host = FilledHost(directory)
    (directory / "stopped").touch()
    for kind, body in (
        ("region", {"kind": "local", "cores": 8, "memory_mib": 16000}),
        ("cluster", {"max_vcpus": 8, "max_memory_mib": 16000}),
        ("queue", {"cluster": "default", "priority": 0, "paused": False}),
        ("definition", {"vcpus": 1, "memory_limit_mib": 1024, "timeout_minutes": 0, "jobs_to_workers_ratio": 1}),
    ):
        host.resource(kind, "local" if kind == "region" else "default", **body)
    return host


@pytest.fixture
def on_screen() -> Callable[..., CycloneApp]:
    """`on_screen(check, start="jobs", size=(80, 24), read_only=False)`: runs `await check(app, pilot)` in the application.

    The first view has been opened, has read what it shows and has drawn it. Settings are the defaults unless given.
    """

    def run(check: Check, start: str = "home", size: tuple[int, int] = (80, 24), **more: Any) -> CycloneApp:
        async def main() -> CycloneApp:
            more.setdefault("settings", Settings(refresh_s=3600))  # a test says itself when to look again
            app = CycloneApp(more.pop("host", "local"), start=start, **more)
            async with app.run_test(size=size) as pilot:
                await settle(app, pilot)
                await check(app, pilot)
            return app

        return asyncio.run(main())

    return run


async def settle(app: CycloneApp, pilot: Pilot[Any]) -> None:
    """Wait until what is under way (reads, flows that do not wait for the user) has come to the screen."""
    await pilot.pause()
    for _ in range(500):
        await pilot.pause()
        busy = [worker for worker in app.workers if worker.is_running and worker.group in ("load", "pulse")]
        if not busy and app.views:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("the screen did not settle within five seconds")
