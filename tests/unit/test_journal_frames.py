"""A journal is read up to where it is whole, whatever follows; a frame is never made up."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cyclone_core import journal
from cyclone_core.journal import End, Start

ids = st.tuples(st.integers(1, 2**63), st.integers(1, 2**53), st.integers(1, 10**8), st.integers(1, 1000), st.integers(0, 2**60))
starts = ids.map(lambda fields: journal.start_frame(*fields))
ends = st.builds(
    lambda fields, took, code, metrics, output, spilled: journal.end_frame(
        *fields, took, code, 2048, 5, 6, metrics, b"" if spilled else output, spilled
    ),
    ids, st.integers(0, 2**60), st.integers(0, 2**20), st.binary(max_size=20), st.binary(max_size=60), st.sampled_from([0, 0, 10**10]),
)  # fmt: skip
journals = st.lists(starts | ends, max_size=8)
quick = settings(max_examples=50, deadline=None)


def read(data: bytes, at: int = 0) -> list[tuple]:
    """The frames of a file with this content, as plain values."""
    with TemporaryDirectory() as directory:
        path = Path(directory) / "1"
        path.write_bytes(data)
        return [
            ("start", f.lease, f.job, f.position, f.attempt, f.start_us) if isinstance(f, Start) else ("end", f.lease, f.row())
            for f in journal.frames(str(path), at)
        ]


@quick
@given(journals, st.binary(max_size=120))
def test_whole_frames_are_read_before_foreign_data(frames: list[bytes], rest: bytes) -> None:
    """Zeros, text, noise behind the last frame end the reading there, or are frames of their own."""
    whole = read(b"".join(frames))
    assert len(whole) == len(frames)
    assert read(b"".join(frames) + b"\0" + rest) == whole


@quick
@given(journals.filter(bool), st.data())
def test_a_torn_tail_hides_the_torn_frame_alone(frames: list[bytes], data: st.DataObject) -> None:
    """Cut anywhere: the frames that are whole are there, nothing else."""
    content = b"".join(frames)
    cut = data.draw(st.integers(0, len(content)))
    lengths = [sum(map(len, frames[: k + 1])) for k in range(len(frames))]
    assert read(content[:cut]) == read(content)[: sum(length <= cut for length in lengths)]


@quick
@given(journals.filter(bool), st.data())
def test_a_damaged_byte_costs_nothing_before_it(frames: list[bytes], data: st.DataObject) -> None:
    """Frames in front of the damage are told as ever, and reading it raises nothing."""
    content = bytearray(b"".join(frames))
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    before = sum(sum(map(len, frames[: k + 1])) <= at for k in range(len(frames)))
    assert read(bytes(content))[:before] == read(b"".join(frames))[:before]


@pytest.mark.parametrize("spilled", [0, 70_000])
def test_a_damaged_result_is_not_reported(spilled: int) -> None:
    """Whatever byte is hit, job, outcome, time, size or output: the checksum tells."""
    frame = journal.end_frame(1, 77, 3, 1, 5, 6, 0, 0, 0, 0, b"metrics", b"" if spilled else b"output", spilled)
    for at in range(len(frame)):
        damaged = bytearray(frame)
        damaged[at] ^= 1
        assert read(bytes(damaged)) == [], f"byte {at}"


@quick
@given(journals)
def test_reading_starts_at_any_frame(frames: list[bytes]) -> None:
    """From an offset on, ends know their own place."""
    whole = read(b"".join(frames))
    for k in range(len(frames) + 1):
        assert read(b"".join(frames), sum(map(len, frames[:k]))) == whole[k:]


@quick
@given(st.lists(ends, min_size=1, max_size=5))
def test_results_are_found_by_their_offset(frames: list[bytes]) -> None:
    """`read_end` gives the same frame with its output and metrics."""
    with TemporaryDirectory() as directory:
        path = str(Path(directory) / "1")
        Path(path).write_bytes(b"".join(frames))
        for found, raw in zip(journal.frames(path), frames, strict=True):
            assert isinstance(found, End)
            again = journal.read_end(path, found.at)
            assert again.row() == found.row()
            assert raw.endswith(again.metrics + again.output)
            assert bool(again.flags & journal.SPILLED) == (again.size != len(again.output))


@pytest.mark.parametrize("data", [b"", b"\0" * 200, journal.start_frame(1, 2, 3, 4, 5) * 3])
def test_an_offset_without_a_result_is_told(tmp_path: Path, data: bytes) -> None:
    """Nothing is guessed."""
    (tmp_path / "1").write_bytes(data)
    with pytest.raises(ValueError, match="no result is recorded at offset 0"):
        journal.read_end(str(tmp_path / "1"), 0)
