"""The table of rows: what it draws, what it repaints, where cursor and marks stay."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from cyclone_tui.widgets.row_table import Column, RowTable
from cyclone_tui.widgets.table_columns import fit, layout


@dataclass(frozen=True)
class Fruit:
    """A record."""

    name: str
    weight: int = 1


COLUMNS: tuple[Column[Fruit], ...] = (
    Column("name", "Name", lambda fruit: fruit.name, sort="name"),
    Column("weight", "Weight", lambda fruit: str(fruit.weight), width=8, justify="right", sort="weight", value=lambda fruit: fruit.weight),
)
FRUITS = (Fruit("apple", 3), Fruit("pear", 10), Fruit("fig", 2))


class Painted(RowTable[Fruit]):
    """Counts the lines that are drawn."""

    drawn = 0

    def render_line(self, y: int) -> Any:
        """Count it."""
        self.drawn += 1
        return super().render_line(y)


class TableApp(App[None]):
    """An application of one table; what the table said is in `said`."""

    def __init__(self) -> None:
        super().__init__()
        self.table = Painted(COLUMNS)
        self.said: list[Any] = []

    def compose(self) -> ComposeResult:
        """The table alone."""
        yield self.table

    def on_row_table_opened(self, message: RowTable.Opened) -> None:
        """Keep it."""
        self.said.append(("opened", message.record))

    def on_row_table_highlighted(self, message: RowTable.Highlighted) -> None:
        """Keep it."""
        self.said.append(("highlighted", message.record))

    def on_row_table_sorted(self, message: RowTable.Sorted) -> None:
        """Keep it."""
        self.said.append(("sorted", message.column, message.reverse))


class Numbers:
    """A source of many rows whose pages arrive when `load` is called."""

    def __init__(self, count: int) -> None:
        self.count, self.loaded, self.first = count, False, 0
        self.asked: list[tuple[int, int]] = []

    def key(self, row: int) -> Hashable:
        """Numbers count down from the newest."""
        return self.first + self.count - row

    def find(self, key: Hashable, near: int) -> int | None:
        """The inverse of `key`."""
        assert isinstance(key, int)
        row = self.first + self.count - key
        return row if 0 <= row < self.count else None

    def window(self, first: int, count: int) -> Sequence[Fruit | None]:
        """Records once they are loaded."""
        self.asked.append((first, count))
        rows = range(first, min(first + count, self.count))
        return [Fruit(f"n{self.key(row)}") if self.loaded else None for row in rows]


def on_table(check: Callable[[TableApp, Pilot[None]], Awaitable[None]], size: tuple[int, int] = (40, 10)) -> None:
    """Run a check against a table without a terminal."""

    async def run() -> None:
        app = TableApp()
        async with app.run_test(size=size) as pilot:
            app.table.focus()
            await pilot.pause()
            await check(app, pilot)

    asyncio.run(run())


def lines(table: RowTable[Any]) -> list[str]:
    """The text of every line."""
    return [table.render_line(y).text.rstrip() for y in range(table.size.height)]


def test_draws_header_and_rows() -> None:
    """Titles, then a row per record with the cursor on the first; numbers are at the right."""

    async def check(app: TableApp, pilot: Pilot[None]) -> None:
        app.table.set_rows(FRUITS)
        await pilot.pause()
        shown = lines(app.table)
        assert shown[0].split() == ["Name", "Weight"]
        assert shown[1].split() == ["▌", "apple", "3"]
        assert shown[1].rstrip()[-1] == "3"
        assert len(shown[1].rstrip()) == len(shown[2].rstrip())

    on_table(check)


def test_cursor_stays_with_its_record() -> None:
    """Records that come in above move the cursor down with the one it is on."""

    async def check(app: TableApp, pilot: Pilot[None]) -> None:
        app.table.set_rows(FRUITS)
        await pilot.press("j")
        app.table.set_rows((Fruit("acorn"), *FRUITS))
        assert (app.table.cursor_row, app.table.current) == (2, FRUITS[1])

    on_table(check)


def test_marks_stay_with_their_records() -> None:
    """Space marks and goes on; the mark of a record that is gone is dropped."""

    async def check(app: TableApp, pilot: Pilot[None]) -> None:
        app.table.set_rows(FRUITS)
        await pilot.press("space", "space")
        assert app.table.marked == ["apple", "pear"]
        app.table.set_rows(FRUITS[1:])
        assert app.table.marked == ["pear"]
        assert [line[1:2] for line in lines(app.table)[1:3]] == ["◆", " "]

    on_table(check)


def test_repaints_only_what_differs() -> None:
    """An equal list draws nothing; one other record draws one line."""

    async def check(app: TableApp, pilot: Pilot[None]) -> None:
        app.table.set_rows(FRUITS)
        await pilot.pause()
        app.table.drawn = 0
        app.table.set_rows(tuple(FRUITS))
        await pilot.pause()
        assert app.table.drawn == 0
        app.table.set_rows((FRUITS[0], Fruit("pear", 11), FRUITS[2]))
        await pilot.pause()
        assert app.table.drawn == 1

    on_table(check)


def test_header_click_sorts() -> None:
    """By value, not by text; a second click turns it around."""

    async def check(app: TableApp, pilot: Pilot[None]) -> None:
        app.table.set_rows(FRUITS)
        await pilot.click(Painted, offset=(36, 0))
        assert [line.split()[-1] for line in lines(app.table)[1:4]] == ["2", "3", "10"]
        await pilot.click(Painted, offset=(36, 0))
        assert [line.split()[-1] for line in lines(app.table)[1:4]] == ["10", "3", "2"]
        assert app.said[-1] == ("sorted", "weight", True)
        assert "▼" in lines(app.table)[0]

    on_table(check)


def test_click_selects_and_double_click_opens() -> None:
    """The first click moves the cursor, the second opens."""

    async def check(app: TableApp, pilot: Pilot[None]) -> None:
        app.table.set_rows(FRUITS)
        await pilot.click(Painted, offset=(5, 3))
        assert app.table.current == FRUITS[2]
        await pilot.click(Painted, offset=(5, 2), times=2)
        assert app.said[-1] == ("opened", FRUITS[1])

    on_table(check)


def test_source_shows_dots_until_a_page_arrives() -> None:
    """A million rows: the window alone is asked for, and drawn as dots until it is there."""

    async def check(app: TableApp, pilot: Pilot[None]) -> None:
        source = Numbers(1_000_000)
        app.table.set_source(source)
        await pilot.press("G")
        assert app.table.cursor_row == 999_999
        assert "···" in lines(app.table)[-1]
        source.loaded = True
        app.table.source_changed()
        await pilot.pause()
        assert lines(app.table)[-1].split()[:2] == ["▌", "n1"]
        assert max(count for _, count in source.asked) <= app.table.page_size
        assert app.said[-1] == ("highlighted", Fruit("n1"))

    on_table(check)


def test_a_larger_terminal_asks_for_the_rows_that_came_into_view() -> None:
    """They are drawn without a key being pressed."""

    async def check(app: TableApp, pilot: Pilot[None]) -> None:
        source = Numbers(100)
        source.loaded = True
        app.table.set_source(source)
        await pilot.pause()
        await pilot.resize_terminal(60, 20)
        await pilot.pause()
        assert lines(app.table)[-1].split()[0] == "n82"
        assert max(first + count for first, count in source.asked) >= 19

    on_table(check)


def test_new_rows_above_leave_what_is_looked_at_on_its_line() -> None:
    """Scrolled down, the view moves with the record under the cursor."""

    async def check(app: TableApp, pilot: Pilot[None]) -> None:
        source = Numbers(1000)
        source.loaded = True
        app.table.set_source(source, follow_top=True)
        await pilot.press("pagedown", "pagedown")
        await pilot.pause()
        before = lines(app.table)
        source.count += 5
        app.table.source_changed()
        await pilot.pause()
        assert lines(app.table) == before

    on_table(check)


def test_untouched_cursor_follows_the_newest() -> None:
    """As long as nobody moved it, the cursor is on the first row."""

    async def check(app: TableApp, pilot: Pilot[None]) -> None:
        source = Numbers(10)
        source.loaded = True
        app.table.set_source(source, follow_top=True)
        source.count += 1
        app.table.source_changed()
        assert app.table.current == Fruit("n11")

    on_table(check)


def test_page_down_overlaps_nothing() -> None:
    """A page further, the first line is the one that follows the former last."""

    async def check(app: TableApp, pilot: Pilot[None]) -> None:
        source = Numbers(100)
        source.loaded = True
        app.table.set_source(source)
        await pilot.pause()
        last = lines(app.table)[-1].split()[0]
        await pilot.press("pagedown")
        assert int(lines(app.table)[1].split()[-2][1:]) == int(last[1:]) - 1

    on_table(check)


def test_empty_says_so() -> None:
    """No rows: one line says it, and no key fails."""

    async def check(app: TableApp, pilot: Pilot[None]) -> None:
        app.table.set_rows(())
        await pilot.press("j", "G", "pagedown", "space", "enter", "g", "k")
        assert "Nothing here" in lines(app.table)[1]
        assert app.table.current is None

    on_table(check)


@pytest.mark.parametrize(
    ("text", "justify", "expected"),
    [
        ("ab", "left", "ab    "),
        ("ab", "right", "    ab"),
        ("abcdefgh", "left", "abcde…"),
        ("日本語日本語", "left", "日本… "),
        ("a\nb", "left", "a\\nb  "),
    ],
)
def test_fit(text: str, justify: str, expected: str) -> None:
    """Exactly as wide as asked, wide letters counted as two, nothing that moves the cursor."""
    assert fit(text, 6, justify) == expected


def test_layout_drops_the_least_important() -> None:
    """Columns are left out by priority, and the rest is shared."""
    columns = [
        Column("a", "A", str, width=10),
        Column("b", "B", str, width=10, priority=2),
        Column("c", "C", str),
        Column("d", "D", str, width=10, priority=1),
    ]
    assert layout(columns, 60) == ((10, 10, 22, 10), 2)
    assert layout(columns, 38) == ((10, 0, 14, 10), 1)
    assert layout(columns, 20) == ((10, 0, 8, 0), 1)
