"""Bounds of what is kept of an output, without processes."""

import os
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cyclone_core.journal import SPILL_BYTES
from cyclone_core.worker.output import TAIL_BYTES, Capture

MIB = 1 << 20


def kept(path: Path, limit_mib: int, parts: list[bytes]) -> tuple[bytes, int]:
    """(what is kept of an output that arrives in parts, bytes left out)"""
    capture = Capture(str(path), limit_mib)
    for part in parts:
        capture.add(part)
    output, spilled, dropped, _ = capture.finish()
    return (path.read_bytes() if spilled else output), dropped


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(sizes=st.lists(st.integers(1, 700_000), max_size=8))
def test_head_and_tail_are_true_to_the_byte(tmp_path: Path, sizes: list[int]) -> None:
    """Whatever the sizes of the reads: the beginning and the end are there, and the numbers add up."""
    data = os.urandom(sum(sizes))
    parts, at = [], 0
    for size in sizes:
        parts.append(data[at : at + size])
        at += size
    output, dropped = kept(tmp_path / "out", 1, parts)
    if not dropped:
        assert output == data
        return
    half = MIB // 2
    assert output[:half] == data[:half]
    assert output[-half:] == data[-half:]
    gap = f"\n[cyclone: {len(data) - MIB:,} bytes left out here; a task keeps 1 MiB]\n".encode()
    assert output[half:-half] == gap
    assert dropped == len(data) - MIB


def test_memory_stays_bounded(tmp_path: Path) -> None:
    """Of a large output only the window of its end is in memory."""
    capture = Capture(str(tmp_path / "out"), 2)
    for _ in range(100):
        capture.add(b"x" * 250_000)
    held = sum(map(len, capture._parts)) + sum(map(len, capture._tail))
    assert held <= TAIL_BYTES + 250_000


def test_small_outputs_have_no_file(tmp_path: Path) -> None:
    """Up to SPILL_BYTES nothing is written."""
    assert kept(tmp_path / "out", 64, [b"a" * SPILL_BYTES]) == (b"a" * SPILL_BYTES, 0)
    assert not (tmp_path / "out").exists()


def test_place_that_cannot_be_written(tmp_path: Path) -> None:
    """The output is lost, and said to be."""
    output, dropped = kept(tmp_path / "missing" / "out", 64, [b"a" * 100_000])
    assert output == b"[cyclone: 100,000 bytes left out here; they could not be written: No such file or directory]\n"
    assert dropped == 100_000
