"""Output on the whole screen: followed while it is written, kept in bounds, saved, and read again when the host was away."""

import asyncio
import os
import signal
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from cyclone_core import paths
from cyclone_core.jobs import RUNNING
from cyclone_tui import following
from cyclone_tui.application import CycloneApp
from cyclone_tui.following import Delivery, Follower
from cyclone_tui.screens.log import LogView
from cyclone_tui.settings import Settings
from tests.filled import SUBMITTED, FilledHost
from tests.tui.test_job import run, until

OnScreen = Callable[..., CycloneApp]


def lines(app: CycloneApp) -> list[str]:
    """What the view shows."""
    assert isinstance(app.screen, LogView)
    return app.screen.tail.pane.lines


def test_output_of_a_job(filled: FilledHost, on_screen: OnScreen) -> None:
    """All lines, the state, and the command line; d leads to the job."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        await until(pilot, lambda: lines(app) == ["one", "\\x07two"])
        assert "end of the output   2 lines   ✓ Successful" in app.screen.tail.status()  # type: ignore[attr-defined]
        assert app.screen.twin() == "qlog -i 1"  # type: ignore[attr-defined]
        await pilot.press("d")
        assert app.views[-1].crumb() == "job 1"

    filled.ended(b"one\n\x07two")
    on_screen(check, start="log 1")


def test_a_line_that_has_only_begun_is_shown(filled: FilledHost, on_screen: OnScreen) -> None:
    """A prompt or a progress bar has no end of line for a long time; what becomes of it replaces it."""
    output = Path(filled.directory, "outputs", "1-1-1")

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        await until(pilot, lambda: lines(app) == ["one", "10 %"])
        output.write_bytes(b"one\n10 % 20 %")
        await until(pilot, lambda: lines(app) == ["one", "10 % 20 %"])

    filled.job(counts=(0, 1, 0, 0, 0, 0))
    filled.leased([(1, 1, 1, 1)])
    filled.running(1)
    output.write_bytes(b"one\n10 %")
    on_screen(check, start="log 1")


def test_lines_of_an_array_name_their_task(filled: FilledHost, on_screen: OnScreen) -> None:
    """The index before each line, as wide as the largest."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        await until(pilot, lambda: lines(app) == [f"{index:>2} │ output of {index}" for index in range(1, 11)])
        assert app.screen.tail.pane.prefix == 5  # type: ignore[attr-defined]
        assert "10 of 12 tasks done" in app.screen.tail.status()  # type: ignore[attr-defined]

    filled.job(counts=(2, 0, 10, 0, 0, 0), array=1, next=11)
    outputs = [(position, b"output of %d\n" % position) for position in range(1, 11)]
    start_us = int(SUBMITTED * 1e6)
    filled.result([((1, position, 1, 0, start_us, 1000, filled.frame(position, output), len(output)), 1) for position, output in outputs])
    on_screen(check, start="log 1")


def test_attempts_one_by_one(filled: FilledHost, on_screen: OnScreen) -> None:
    """`[` goes to the attempt before, `]` back to the last one."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        await until(pilot, lambda: lines(app) == ["second"])
        await pilot.press("left_square_bracket")
        await until(pilot, lambda: lines(app) == ["first"])
        assert app.screen.twin() == "qlog -i 1 --attempt 1"  # type: ignore[attr-defined]
        await pilot.press("right_square_bracket")
        await until(pilot, lambda: lines(app) == ["second"])

    at = filled.frame(1, b"first\n", 1)
    filled.ended(b"second\n", attempt=2)
    filled.attempt(1, 1, 3, 3, at=at)
    on_screen(check, start="log 1")


def test_saving(filled: FilledHost, on_screen: OnScreen, tmp_path: Path) -> None:
    """The whole output as it was written, for its owner only; Esc in the prompt leaves the prompt and not the view."""
    target = tmp_path / "out.txt"

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        await pilot.press("o", "escape")
        assert isinstance(app.screen, LogView)
        await pilot.press("o", "ctrl+u", *str(target), "enter")
        await until(pilot, target.exists)
        await until(pilot, lambda: target.read_bytes() == b"\x1b[31mred\n")
        assert stat.S_IMODE(os.stat(target).st_mode) == 0o600

    filled.ended(b"\x1b[31mred\n")
    on_screen(check, start="log 1")


def test_search_keeps_letters_for_itself(filled: FilledHost, on_screen: OnScreen) -> None:
    """Keys of the view are letters while one types."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        await until(pilot, lambda: len(lines(app)) == 100)
        await pilot.press("slash", *"qdw 7", "enter")
        assert "/qdw 7: 1 found" in app.screen.tail.status()  # type: ignore[attr-defined]

    filled.ended(b"".join(b"qdw %d.\n" % number for number in range(100)).replace(b"7", b"x").replace(b"qdw xx.", b"qdw 7."))
    on_screen(check, start="log 1")


def test_copying_the_lines_on_the_screen(filled: FilledHost, on_screen: OnScreen) -> None:
    """Whole lines, also where the terminal does not take them: the file is named."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        await until(pilot, lambda: len(lines(app)) == 50)
        await pilot.press("c")
        rows = app.screen.tail.pane.size.height  # type: ignore[attr-defined]
        copied = Path(paths.state_root(), "clipboard.txt").read_text().splitlines()
        assert (len(copied), copied[-1]) == (rows, "49 " + "x" * 200)

    filled.ended(b"".join(b"%d %s\n" % (number, b"x" * 200) for number in range(50)))
    on_screen(check, start="log 1")


def test_the_thread_ends_with_the_view(filled: FilledHost, on_screen: OnScreen) -> None:
    """Leaving ends following of what still runs."""
    found: list[Follower] = []

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        app.open("log 1--1")
        await until(pilot, lambda: isinstance(app.screen, LogView) and app.screen.follower is not None)
        found.append(app.screen.follower)  # type: ignore[arg-type]
        assert found[0].is_alive()
        await pilot.press("escape")
        await until(pilot, lambda: not found[0].is_alive())

    filled.array({1: (RUNNING, 0)}, tasks=1, next=2)
    on_screen(check, start="job 1")


def test_only_the_end_of_a_huge_output(filled: FilledHost, on_screen: OnScreen) -> None:
    """Of more than is read at once, a line tells what is missing."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        await until(pilot, lambda: lines(app)[-1:] == ["end"])
        assert lines(app)[0].startswith("[... ")
        assert lines(app)[1] == "x" * 1000

    filled.array({1: (RUNNING, 0)}, tasks=1, next=2)
    with open(f"{filled.directory}/outputs/1-1-2", "wb") as file:
        for _ in range(5):
            file.write((b"x" * 1000 + b"\n") * (following.LAST_BYTES // 4000))
        file.write(b"end\n")
    on_screen(check, start="log 1--1")


def test_a_follower_begins_anew_when_the_host_was_away(filled: FilledHost) -> None:
    """What goes wrong is told, and what came before is read again."""
    told: list[Delivery] = []

    def deliver(delivery: Delivery) -> None:
        told.append(delivery)
        if len(told) == 1:
            os.rename(hidden, database)
        follower.taken()

    filled.ended(b"one\n")
    filled.db.close()
    database, hidden = Path(filled.directory, "state.db"), Path(filled.directory, "hidden")
    for name in ("state.db-wal", "state.db-shm"):
        Path(filled.directory, name).unlink(missing_ok=True)
    os.rename(database, hidden)
    database.write_bytes(b"this is no database, and it is long enough to be looked at\n" * 20)
    follower = Follower("local", "1", deliver)
    follower.run()
    assert "cannot be read" in told[0].batch.lines[0]
    assert (told[1].restart, [line for one in told[1:] for line in one.batch.lines], told[-1].over) == (True, ["one"], True)


SCRIPT = """#!/bin/bash
for number in 1 2 3; do
    while [ ! -e {go}$number ]; do sleep 0.05; done
    echo line $number
done
"""


def test_a_running_job_whose_supervisor_dies(tmp_path: Path) -> None:
    """Following goes on: the worker writes, the next supervisor adopts it."""
    go, script = tmp_path / "go", tmp_path / "job.sh"
    script.write_text(SCRIPT.format(go=go))
    run("qsub", str(script))

    async def check() -> None:
        app = CycloneApp("local", Settings(refresh_s=0.5), start="log 1")
        async with app.run_test(size=(100, 30)) as pilot:
            Path(f"{go}1").touch()
            await until(pilot, lambda: bool(app.views) and lines(app) == ["line 1"])
            os.kill(supervisor(), signal.SIGKILL)
            Path(f"{go}2").touch()
            await until(pilot, lambda: lines(app) == ["line 1", "line 2"])
            Path(f"{go}3").touch()
            await until(pilot, lambda: lines(app) == ["line 1", "line 2", "line 3"])
            await until(pilot, lambda: "Successful" in app.screen.tail.status())  # type: ignore[attr-defined]

    try:
        asyncio.run(check())
    finally:
        run("hyper", "hosts", "stop")


def supervisor() -> int:
    """The process that holds the host's lock."""
    lock = os.stat(f"{paths.host_state_dir('local')}/supervisor.lock")
    for line in Path("/proc/locks").read_text().splitlines():
        words = line.split()
        if words[1] != "->" and words[5].split(":")[2] == str(lock.st_ino):
            return int(words[4])
    raise AssertionError("no supervisor")
