"""The map of an array's tasks: what a cell shows, where the cursor goes, what is painted again."""

import asyncio
from collections.abc import Awaitable, Callable

from hypothesis import given
from hypothesis import strategies as st
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from cyclone_core.jobs import ERROR, FAILED, RUNNING, STATES, SUCCESSFUL, WAITING
from cyclone_tui.themes import VARIABLES
from cyclone_tui.widgets.task_grid import TaskGrid, TaskMap
from cyclone_tui.widgets.task_map import counted, worst, zooms


class Host(App[None]):
    """One map, nothing else."""

    def __init__(self, ascii: bool = False) -> None:
        super().__init__()
        self.grid = TaskGrid(12, ascii)
        self.opened: list[int] = []

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """The colours that are ours."""
        return dict(VARIABLES)

    def compose(self) -> ComposeResult:
        """The map."""
        yield self.grid

    def on_mount(self) -> None:
        """Keys go to the cells."""
        self.grid.map.focus()

    def on_task_map_opened(self, event: TaskMap.Opened) -> None:
        """Remember the position."""
        self.opened.append(event.position)


def on_map(check: Callable[[Host, Pilot[None]], Awaitable[None]], ascii: bool = False) -> None:
    """Run a check in a terminal of 40x12: rows of 30 cells, ten of them."""

    async def run() -> None:
        app = Host(ascii)
        async with app.run_test(size=(40, 12)) as pilot:
            await check(app, pilot)

    asyncio.run(run())


def row(app: Host, number: int) -> str:
    """A row on the screen."""
    return app.grid.map.render_line(number).text.rstrip()


def states(*parts: tuple[int, int]) -> bytes:
    """(state, how many) one after the other."""
    return b"".join(bytes([state]) * count for state, count in parts)


def test_a_cell_per_task() -> None:
    """Few tasks have a cell each, in groups of ten, and the legend counts them."""

    async def check(app: Host, pilot: Pilot[None]) -> None:
        app.grid.set_states(states((SUCCESSFUL, 12), (FAILED, 1), (RUNNING, 2), (WAITING, 20)))
        await pilot.pause()
        assert row(app, 0) == " 1  ■■■■■■■■■■ ■■✗●●····· ··········"
        assert row(app, 1) == "31  ·····"
        assert (
            app.grid.legend(counted(app.grid.map.states)).plain
            == "· 20 Waiting   ● 2 Running   ■ 12 Successful   ✗ 1 Failed   n: next failed   + -: zoom"
        )
        assert app.grid.info() == "12--1  ■ Successful"

    on_map(check)


def test_the_cursor_stays_on_its_task_when_the_terminal_changes() -> None:
    """Also on the last one."""

    async def check(app: Host, pilot: Pilot[None]) -> None:
        app.grid.set_states(states((SUCCESSFUL, 34), (FAILED, 1)))
        await pilot.press("end")
        await pilot.resize_terminal(60, 12)
        await pilot.pause()
        assert app.grid.info() == "12--35  ✗ Failed"

    on_map(check)


def test_plain_characters() -> None:
    """Every state has a sign of its own in ASCII too."""

    async def check(app: Host, pilot: Pilot[None]) -> None:
        app.grid.set_states(bytes(range(6)))
        await pilot.pause()
        assert row(app, 0).isascii()
        assert len(set(row(app, 0).split()[1])) == len(STATES)

    on_map(check, ascii=True)


def test_many_tasks_share_cells_and_the_worst_is_shown() -> None:
    """A hundred thousand fit on the screen; one that failed is not lost among them, and Enter opens just that one."""

    async def check(app: Host, pilot: Pilot[None]) -> None:
        app.grid.set_states(states((SUCCESSFUL, 54_321), (FAILED, 1), (WAITING, 45_678)))
        await pilot.pause()
        cells = app.grid.map
        assert (cells.per_cell, cells.virtual_size.height <= 10) == (500, True)
        await pilot.press("n", "enter")
        assert app.opened == [54_322]
        assert app.grid.info() == "12--54001 to 54500 (500 tasks): 178 Waiting, 321 Successful, 1 Failed   Enter: 12--54322"

    on_map(check)


def test_zoom_keeps_the_task() -> None:
    """Zooming in ends with single tasks and the cursor where it was; 0 shows all again."""

    async def check(app: Host, pilot: Pilot[None]) -> None:
        app.grid.set_states(bytes(10_000))
        await pilot.pause()
        cells = app.grid.map
        assert cells.per_cell == 50
        cells.point_at(5001)
        await pilot.press("plus", "plus", "plus", "plus", "plus", "plus")
        assert (cells.per_cell, cells.position) == (1, 5001)
        assert cells.scroll_offset.y <= 5000 // cells.columns < cells.scroll_offset.y + 10
        await pilot.press("minus")
        assert cells.per_cell == 2
        await pilot.press("0")
        assert (cells.per_cell, cells.cell) == (50, 100)

    on_map(check)


def test_cursor_moves_over_cells() -> None:
    """Arrows, ends, and the next and previous one that failed."""

    async def check(app: Host, pilot: Pilot[None]) -> None:
        app.grid.set_states(states((SUCCESSFUL, 40), (FAILED, 1), (SUCCESSFUL, 20), (ERROR, 1), (SUCCESSFUL, 10)))
        await pilot.pause()
        places = []
        for key in ("right", "down", "left", "G", "g", "n", "n", "n", "N"):
            await pilot.press(key)
            places.append(app.grid.map.position)
        assert places == [2, 32, 31, 72, 1, 41, 62, 62, 41]

    on_map(check)


def test_only_changed_rows_are_painted() -> None:
    """A refresh without news paints nothing, one changed task its own line."""

    async def check(app: Host, pilot: Pilot[None]) -> None:
        before = bytes(300)
        app.grid.set_states(before)
        await pilot.pause()
        painted: list[int] = []
        app.grid.map.refresh_line = painted.append  # type: ignore[method-assign]
        app.grid.set_states(bytes(300))
        assert painted == []
        app.grid.set_states(before[:100] + b"\x01" + before[101:])
        assert painted == [100 // 30]

    on_map(check)


def test_indices_of_the_array() -> None:
    """Labels and names count as the array does."""

    async def check(app: Host, pilot: Pilot[None]) -> None:
        app.grid.set_job(12, lambda position: 95 + 5 * position)
        app.grid.set_states(bytes(40))
        await pilot.press("right")
        assert row(app, 1).split()[0] == "250"
        assert app.grid.info() == "12--105  · Waiting"

    on_map(check)


@given(st.binary(min_size=1, max_size=40).map(lambda data: bytes(byte % 6 for byte in data)))
def test_worst_and_counts(tasks: bytes) -> None:
    """The worst state by the order promised; counts add up."""
    order = ["Error", "Failed", "Running", "Cancelled", "Waiting", "Successful"]
    assert STATES[worst(tasks)] == min((STATES[state] for state in tasks), key=order.index)
    assert counted(tasks) == tuple(map(tasks.count, range(6)))


def test_zoom_levels() -> None:
    """1, 2, 5, 10 … until everything is in a few cells."""
    assert zooms(5) == [1]
    assert zooms(1_000) == [1, 2, 5, 10, 20, 50, 100]
