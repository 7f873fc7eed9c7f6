"""Charts of one value, and the time axis of attempts: what they draw of numbers."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widget import Widget

from cyclone_core.jobs import FAILED, RUNNING, SUCCESSFUL
from cyclone_tui.themes import VARIABLES
from cyclone_tui.widgets.spark import Spark, chart, resampled, round_top
from cyclone_tui.widgets.timeline import Bar, Timeline, span


class Host(App[None]):
    """One widget, nothing else."""

    def __init__(self, widget: Widget) -> None:
        super().__init__()
        self.widget = widget

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """The colours that are ours."""
        return dict(VARIABLES)

    def compose(self) -> ComposeResult:
        """The widget."""
        yield self.widget


def on_screen(widget: Widget, check: Callable[[Pilot[None]], Awaitable[None]], width: int = 60) -> None:
    """Run a check with the widget in a terminal."""

    async def run() -> None:
        async with Host(widget).run_test(size=(width, 12)) as pilot:
            await check(pilot)

    asyncio.run(run())


def rows(widget: Widget) -> list[str]:
    """What it shows."""
    return [widget.render_line(y).text.rstrip() for y in range(widget.size.height)]


def test_chart_fills_eighths() -> None:
    """The largest reaches the top, half of it the middle, little is still seen."""
    assert chart([0, 0.1, 4, 8, 6], 6, 2, 8) == ["   █▄ ", " ▁███ "]
    assert chart([0, 4, 8], 3, 2, 8, ascii=True) == ["  #", " ##"]


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=200), st.integers(1, 50))
def test_resampling_keeps_the_peak(values: list[float], width: int) -> None:
    """However narrow, the maximum is shown, and order stays."""
    found = resampled(values, width)
    assert (len(found), max(found)) == (min(width, len(values)), max(values))


@pytest.mark.parametrize(
    ("value", "top"), [(0, 1), (0.03, 0.1), (0.7, 1), (1, 1), (3, 5), (99.9, 100), (100, 100), (101, 200), (800, 1000)]
)
def test_scale_is_round(value: float, top: float) -> None:
    """1, 2 or 5 times a power of ten, not below the value."""
    assert round_top(value) == pytest.approx(top)


def test_spark_tells_figures_and_scale() -> None:
    """Label, unit, now, mean, maximum; the scale at the side."""
    spark = Spark("CPU", "%")

    async def check(pilot: Pilot[None]) -> None:
        spark.set_values([0, 50, 100, 30])
        await pilot.pause()
        shown = rows(spark)
        assert shown[0] == "CPU %  now 30   mean 45   max 100"
        assert (shown[1], shown[4]) == ("100 ▏  █", "  0 ▏ ███")

    on_screen(spark, check)


def test_spark_leaves_equal_values_alone() -> None:
    """The same values again paint nothing."""
    spark = Spark("Memory", "MiB")

    async def check(pilot: Pilot[None]) -> None:
        spark.set_values([1, 2])
        painted: list[object] = []
        spark.refresh = lambda *args, **kwargs: painted.append(args) or spark  # type: ignore[method-assign, func-returns-value]
        spark.set_values((1.0, 2.0))
        assert painted == []
        spark.set_values((1.0, 3.0))
        assert len(painted) == 1

    on_screen(spark, check)


def bar(attempt: int, status: int, start: float | None, end: float | None, **more: object) -> Bar:
    """An attempt with what matters here."""
    values = {"exit_code": None, "signal": None, "reason": "", "worker": None, **more}
    return Bar(attempt, status, start, end, **values)  # type: ignore[arg-type]


def test_span_lies_where_the_time_is() -> None:
    """From submission (left) to now (right); a moment takes one column at least."""
    assert span(bar(1, SUCCESSFUL, 50, 100), 0, 100, 40) == (20, 40)
    assert span(bar(1, RUNNING, 90, None), 0, 100, 40) == (36, 40)
    assert span(bar(1, FAILED, 100, 100), 0, 100, 40) == (39, 40)
    assert span(bar(1, FAILED, 0, 0.001), 0, 100, 40) == (0, 1)


def test_timeline_has_a_line_per_attempt() -> None:
    """Number, state, bar, time and how it ended; the axis below."""
    line = Timeline()

    async def check(pilot: Pilot[None]) -> None:
        attempts = [bar(1, FAILED, 10, 60, exit_code=3, worker=2), bar(2, RUNNING, 70, None)]
        line.set_attempts(attempts, 0, 100)
        await pilot.pause()
        shown = rows(line)
        assert len(shown) == 3
        assert shown[0].startswith("  1  ✗ Failed      ┄")
        assert "━" in shown[0]
        assert shown[0].endswith("50s  exit code 3, worker 2")
        assert shown[1].startswith("  2  ● Running     ┄")
        assert "╸" in shown[1]
        assert "submitted" in shown[2]

    on_screen(line, check, 80)


def test_timeline_without_attempts() -> None:
    """It says that nothing started; narrow ones leave the bars out."""
    line = Timeline()

    async def check(pilot: Pilot[None]) -> None:
        assert rows(line) == ["not started yet"]
        line.set_attempts([bar(1, FAILED, 10, 60, signal=9, reason="\x1b[2Jout of memory")], 0, 100)
        await pilot.pause()
        assert "━" not in rows(line)[0]
        assert "\x1b" not in rows(line)[0]

    on_screen(line, check, 45)


def test_timeline_without_room_shows_the_last_attempts() -> None:
    """Three lines for five attempts: the last three; a signal that the reason tells of is said once."""
    line = Timeline()

    async def check(pilot: Pilot[None]) -> None:
        line.styles.max_height = 3
        line.set_attempts(
            [bar(number, FAILED, 10 * number, 10 * number + 5, signal=9, reason="killed by signal 9") for number in range(1, 6)], 0, 60
        )
        await pilot.pause()
        assert [row.split()[0] for row in rows(line)] == ["3", "4", "5"]
        assert rows(line)[0].count("signal 9") == 1

    on_screen(line, check, 80)


def test_few_values_are_drawn_wide() -> None:
    """Three samples are no three dots."""
    spark = Spark("CPU", "%", widest=6)

    async def check(pilot: Pilot[None]) -> None:
        spark.set_values([100, 0, 100])
        await pilot.pause()
        assert rows(spark)[4] == "  0 ▏██████      ██████"

    on_screen(spark, check)
