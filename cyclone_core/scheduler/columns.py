"""Results of array tasks as packed columns, on every engine: a few bytes per task.

A block holds the final results of some tasks of one job, ordered by position. Numbers are stored as differences from what
is likely, cut into byte planes (all lowest bytes, all second bytes, …) and deflated: planes of zeros vanish.
What is likely: the next position; the same outcome, attempt and journal as before; the start time of the task before; an END frame that
directly follows the one before it in the same journal.
"""

from array import array
from itertools import accumulate
from zlib import compress, decompress

from cyclone_core.journal import END_BYTES, START_BYTES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from cyclone_core.journal import Row

_MASK = 2**64 - 1
_FRAMES = START_BYTES + END_BYTES
COLUMNS = 8
"""position, attempt, code, start, duration, offset, size, journal"""


def pack(rows: "Sequence[tuple[Row, int]]") -> bytes:
    """Pack (row, journal number) pairs, which must be in order of position and of one job."""
    columns = [array("Q") for _ in range(COLUMNS)]
    positions, attempts, codes, starts, durations, offsets, sizes, journals = (column.append for column in columns)
    last_position = last_start = last_journal = 0
    expected: dict[int, int] = {}
    for (_, position, attempt, code, start_us, took_us, at, size), journal in rows:
        positions(position - last_position - 1 & _MASK)
        attempts(attempt - 1)
        codes(code)
        starts(start_us // 1000 - last_start & _MASK)
        durations(took_us)
        offsets(at - expected.get(journal, 0) & _MASK)
        sizes(size)
        journals(journal - last_journal & _MASK)
        last_position, last_start, last_journal = position, start_us // 1000, journal
        expected[journal] = at + _FRAMES + size
    return compress(b"".join(map(_planes, columns)), 1)


def unpack(job: int, count: int, blob: bytes) -> "list[tuple[Row, int]]":
    """The inverse of `pack`; start times come back in whole milliseconds."""
    data = decompress(blob)
    positions, attempts, codes, starts, durations, offsets, sizes, journals = (
        _unplanes(data[8 * count * k : 8 * count * (k + 1)], count) for k in range(COLUMNS)
    )
    rows = []
    position = start = journal = 0
    expected: dict[int, int] = {}
    for k in range(count):
        position = position + 1 + positions[k] & _MASK
        start = start + starts[k] & _MASK
        journal = journal + journals[k] & _MASK
        at = expected.get(journal, 0) + offsets[k] & _MASK
        expected[journal] = at + _FRAMES + sizes[k]
        rows.append(((job, position, attempts[k] + 1, codes[k], start * 1000, durations[k], at, sizes[k]), journal))
    return rows


def rows(job: int, blob: bytes) -> "list[tuple[Row, int]]":
    """`unpack` of a blob whose number of rows nobody kept."""
    return unpack(job, len(decompress(blob)) // (8 * COLUMNS), blob) if blob else []


def _planes(column: "array[int]") -> bytes:
    data = column.tobytes()
    return b"".join(data[k::8] for k in range(8))


def _unplanes(data: bytes, count: int) -> "array[int]":
    whole = bytearray(len(data))
    for k in range(8):
        whole[k::8] = data[k * count : (k + 1) * count]
    column = array("Q")
    column.frombytes(bytes(whole))
    return column


def outline(count: int, blob: bytes) -> "tuple[list[int], array[int]]":
    """Positions and outcome codes of a block, in order: all that counting, filtering and overviews need, in a fraction of the time."""
    data = decompress(blob)
    positions = [k + skipped for k, skipped in enumerate(accumulate(_unplanes(data[: 8 * count], count)), 1)]
    return positions, _unplanes(data[16 * count : 24 * count], count)


def times(count: int, blob: bytes) -> "tuple[list[int], list[int]]":
    """Start times, milliseconds since 1970, and durations, microseconds, of a block, in order (0: nothing ran)."""
    data = decompress(blob)
    starts = accumulate(_unplanes(data[24 * count : 32 * count], count), lambda before, step: before + step & _MASK)
    return list(starts), list(_unplanes(data[32 * count : 40 * count], count))
