"""The life of a task: from submission on, its waiting and its attempts as bars on one time axis, with how each ended. No I/O."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget

from cyclone_core.jobs import RUNNING
from cyclone_core.views import Attempt
from cyclone_tui.formatters import STATE_STYLES, duration, moment, printable, state_text, worker

_NARROW = 50
"""Below so many columns there is no room for bars."""


@dataclass(frozen=True)
class Bar:
    """One attempt: what is written of it, and from when to when it ran (seconds since 1970)."""

    attempt: int
    status: int
    start: float | None
    end: float | None
    exit_code: int | None
    signal: int | None
    reason: str
    worker: int | str | None

    @property
    def outcome(self) -> str:
        """`exit code 3`, `signal 9`, and the reason."""
        parts = []
        if self.signal and f"signal {self.signal}" not in self.reason:
            parts.append(f"signal {self.signal}")
        elif self.signal:
            pass  # the reason says it
        elif self.exit_code is not None:
            parts.append(f"exit code {self.exit_code}")
        if self.reason:
            parts.append(printable(self.reason))
        return ", ".join(parts)


def bars(attempts: Sequence[Attempt]) -> tuple[Bar, ...]:
    """Of a task's attempts, oldest first."""
    return tuple(
        Bar(one.attempt, one.status, one.started, one.ended, one.exit_code, one.signal, one.reason or "", one.worker) for one in attempts
    )


def span(bar: Bar, submitted: float, now: float, width: int) -> tuple[int, int]:
    """First column, and the one behind the last, of an attempt on an axis from submission to now; at least one column."""
    whole = max(1e-6, now - submitted)
    start = bar.start if bar.start is not None else now
    end = bar.end if bar.end is not None else now
    low = min(width - 1, max(0, int(width * (start - submitted) / whole)))
    return low, min(width, max(low + 1, round(width * (end - submitted) / whole)))


class Timeline(Widget):
    """A line for each attempt, the axis below them; where there is less room the last attempts without the axis."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"line--muted", *(f"line--{name}" for name in STATE_STYLES.values())}
    DEFAULT_CSS = """
    Timeline {
        height: auto; width: 1fr;
        & > .line--muted { color: $muted; }
        & > .line--waiting { color: $muted; }
        & > .line--running { color: $text-primary; }
        & > .line--ok { color: $text-success; }
        & > .line--failed { color: $text-error; }
        & > .line--error { color: $text-error; text-style: bold; }
        & > .line--cancelled { color: $text-warning; }
    }
    """
    ALLOW_SELECT = False

    def __init__(self, ascii: bool = False, id: str | None = None) -> None:
        """ascii: signs of the plain character set."""
        super().__init__(id=id)
        self.ascii = ascii
        self.shown: tuple[tuple[Bar, ...], float, float] = (), 0.0, 0.0

    def set_attempts(self, bars: Sequence[Bar], submitted: float, until: float) -> None:
        """Show these, oldest first. until: when the last one ended, or now where one runs or waits."""
        if self.shown != (tuple(bars), submitted, until):
            grown = len(bars) != len(self.shown[0])
            self.shown = tuple(bars), submitted, until
            self.refresh(layout=grown)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """A row for each attempt and the axis."""
        all_bars = self.shown[0]
        return len(all_bars) + (1 if _room(all_bars, width) else 0) if all_bars else 1

    def render_line(self, y: int) -> Strip:
        """An attempt, or the axis."""
        all_bars, submitted, until = self.shown
        width, base = self.size.width, self.rich_style
        if not all_bars:
            return Strip([Segment("not started yet" if y == 0 else "", self._style("muted"))]).adjust_cell_length(width, base)
        room = _room(all_bars, width)
        all_bars = all_bars[-self.size.height :]  # where not all have room, the last ones
        if y < len(all_bars):
            segments = self._attempt(all_bars[y], submitted, until, room, width)
        elif y == len(all_bars) and room:
            segments = self._axis(submitted, until, room)
        else:
            segments = []
        return Strip(segments).adjust_cell_length(width, base)

    def _attempt(self, bar: Bar, submitted: float, until: float, room: int, width: int) -> list[Segment]:
        took = None if bar.start is None or bar.end is None else bar.end - bar.start
        style = self._style(STATE_STYLES[bar.status])
        head = f"{bar.attempt:>3}  "
        state = f"{state_text(bar.status, self.ascii):<12}  "
        segments = [Segment(head, self._style("muted")), Segment(state, style)]
        if room:
            low, high = span(bar, submitted, until, room)
            wait, full = (".", "#") if self.ascii else ("┄", "━")
            going = (">" if self.ascii else "╸") if bar.status == RUNNING else full
            segments += [
                Segment(wait * low, self._style("muted")), Segment(full * (high - low - 1) + going, style),
                Segment(" " * (room - high), self.rich_style),
            ]  # fmt: skip
        segments.append(Segment(f"  {duration(took):>7}", self.rich_style))
        rest = width - sum(cell_len(segment.text) for segment in segments) - 2
        outcome = bar.outcome if bar.worker is None else f"{bar.outcome}{', ' if bar.outcome else ''}worker {worker(bar.worker)}"
        if rest > 3 and outcome:
            cut = outcome if cell_len(outcome) <= rest else set_cell_size(outcome, rest - 1) + "…"
            segments.append(Segment("  " + cut, self._style("muted")))
        return segments

    def _axis(self, submitted: float, until: float, room: int) -> list[Segment]:
        left, right = f"submitted {moment(submitted)}", moment(until)
        text = left.ljust(room - len(right)) + right if len(left) + len(right) + 2 <= room else left
        return [Segment(" " * 19 + text, self._style("muted"))]

    def _style(self, name: str) -> Style:
        return self.rich_style + self.get_component_rich_style(f"line--{name}", partial=True)


def _room(all_bars: Sequence[Bar], width: int) -> int:
    """Columns for the bars themselves: what state, time and outcome leave, a third at least; none where it is narrow."""
    if width < _NARROW:
        return 0
    outcome = min(40, max(len(bar.outcome) + 12 for bar in all_bars))
    return max(width // 3, width - 19 - 9 - outcome - 2)
