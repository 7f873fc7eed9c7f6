"""A handful of screens, pixel for pixel: size, clock, time zone, theme and data are pinned.

After a change that is meant: CYCLONE_UPDATE_GOLDEN=1 pytest tests/tui/test_snapshots.py, then look at the pictures in a browser.
"""

import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from cyclone_core.jobs import FAILED, RUNNING, SUCCESSFUL, outcome
from cyclone_tui.application import CycloneApp
from tests.filled import FilledHost
from tests.tui.conftest import settle

GOLDEN = Path(__file__).parent / "golden"
SIZES = {"80x24": (80, 24), "140x40": (140, 40)}


@pytest.fixture(autouse=True)
def _pinned(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One terminal, one time zone."""
    for name, value in {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8", "TZ": "UTC"}.items():
        monkeypatch.setenv(name, value)
    for name in ("NO_COLOR", "LC_ALL", "LC_CTYPE"):
        monkeypatch.delenv(name, raising=False)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def busy(filled: FilledHost) -> FilledHost:
    """Jobs in every state, an array among them, two queues."""
    failed = {p: (FAILED, outcome(3, 0)) for p in range(40, 600, 97)}
    history = {p: failed.get(p, (SUCCESSFUL, 0)) for p in range(1, 601)} | dict.fromkeys(range(601, 609), (RUNNING, 0))
    filled.array(history, 900, 609, name="sweep", queue="default", started=1_700_000_010.0)
    filled.resource("queue", "night", cluster="default", priority=-5, paused=True)
    filled.job(2, (1, 0, 0, 0, 0, 0), name="later", queue="night")
    filled.ended(b"epoch 1\nloss 0.25\n", job=3, name="train")
    filled.ended(b"Traceback: no such file\n", code=outcome(2, 0), job=4, name="render frames")
    return filled


def picture(app: CycloneApp) -> str:
    """The screen as SVG without what differs from run to run."""
    svg = re.sub(r"@font-face \{.*?\}", "", app.export_screenshot(), flags=re.DOTALL)
    return re.sub(r"terminal-\d+", "terminal", svg)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("view", ["home", "jobs", "job 1", "new queue"])
def test_looks_as_it_did(busy: FilledHost, on_screen: Callable[..., CycloneApp], view: str, size: str) -> None:
    """The whole screen is as it was when somebody last looked at it."""
    pictures: list[str] = []

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        for _ in range(3):
            await settle(app, pilot)
            await app.workers.wait_for_complete()
        await pilot.pause()
        pictures.append(picture(app))

    on_screen(check, start=view, size=SIZES[size], clock=lambda: 1_700_000_200.0)
    file = GOLDEN / f"{view.replace(' ', '-')}-{size}.svg"
    if os.environ.get("CYCLONE_UPDATE_GOLDEN"):
        file.write_text(pictures[0], encoding="utf-8")
    elif pictures[0] != file.read_text(encoding="utf-8"):
        seen = Path(os.environ.get("TMPDIR", "/tmp")) / file.name
        seen.write_text(pictures[0], encoding="utf-8")
        pytest.fail(f"{view} at {size} looks different: compare {seen} with {file}")
