"""Shares, slices and widths: nobody gets more than there is, everything comes back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyclone_core.scheduler.local.placement import LARGEST_SLICE, Lane, Shape, Share, Stream, lane_limit, workers_of

shapes = st.builds(Shape, st.sampled_from([0.1, 0.25, 1, 2, 3, 16]), st.sampled_from([0, 100, 1500, 4096]))
shares = st.builds(Share, st.integers(1, 64), st.sampled_from([0, 2000, 65536]))


@given(shares, st.lists(st.tuples(shapes, st.integers(1, 20)), max_size=20))
def test_a_share_is_never_overdrawn_and_comes_back(share: Share, wishes: list[tuple[Shape, int]]) -> None:
    """Taking what fits leaves nothing negative; giving it back leaves everything."""
    taken = []
    for shape, count in wishes:
        count = min(count, share.fits(shape))
        share.take(shape, count)
        taken.append((shape, count))
        assert share.vcpus > -1e-6
        assert share.memory_mib >= 0 or not share.max_memory_mib
    for shape, count in taken:
        share.take(shape, -count)
    assert (share.vcpus, share.memory_mib) == (pytest.approx(share.max_vcpus), share.max_memory_mib)


@given(shares, shapes)
def test_fits_is_the_largest_number_that_fits(share: Share, shape: Shape) -> None:
    """One more would overdraw vCPUs or memory."""
    count = share.fits(shape)
    too_much_memory = share.max_memory_mib and shape.memory_mib and shape.memory_mib * (count + 1) > share.memory_mib
    assert shape.vcpus * (count + 1) > share.vcpus - 1e-6 or too_much_memory


def test_tenths_add_up() -> None:
    """Ten tasks of a tenth of a vCPU fill one, in spite of binary fractions."""
    share, shape = Share(1, 0), Shape(0.1, 0)
    for left in range(10, 0, -1):
        assert share.fits(shape) == left
        share.take(shape, 1)
    assert share.fits(shape) == 0


@given(shares, shapes, st.integers(1, 64), st.sampled_from([0, 1000, 99999]))
def test_resizing_keeps_what_runs(share: Share, shape: Shape, vcpus: int, memory_mib: int) -> None:
    """A cluster made smaller than what runs gives nothing until enough has ended."""
    count = share.fits(shape)
    share.take(shape, count)
    share.resize(vcpus, memory_mib)
    assert share.fits(shape) * shape.vcpus <= max(0, vcpus - count * shape.vcpus) + 1e-6
    share.take(shape, -count)
    assert (share.vcpus, share.memory_mib) == (pytest.approx(vcpus), memory_mib)


def test_a_shape_has_defaults() -> None:
    """A definition that says nothing takes one vCPU and no memory."""
    assert (Shape.of({}).vcpus, Shape.of({"vcpus": None, "memory_limit_mib": None}).memory_mib) == (1, 0)


@given(st.lists(st.tuples(st.floats(0, 5), st.integers(1, 300))))
def test_slices_stay_in_bounds(lessons: list[tuple[float, int]]) -> None:
    """Whatever it learns, between one task and the largest slice."""
    lane = Lane("c", "d", Shape(1, 0))
    for took_s, tasks in lessons:
        lane.learn(took_s, tasks)
        assert 1 <= lane.slice <= LARGEST_SLICE


def test_short_tasks_make_large_slices_and_long_ones_small() -> None:
    """Doubled and halved; a small rest of a slice proves nothing."""
    lane = Lane("c", "d", Shape(1, 0))
    for _ in range(20):
        lane.learn(0.01, lane.slice)
    assert lane.slice == LARGEST_SLICE
    lane.learn(0.01, 3)
    lane.learn(0.2, LARGEST_SLICE)
    assert lane.slice == LARGEST_SLICE
    lane.learn(1.0, LARGEST_SLICE)
    assert lane.slice == LARGEST_SLICE // 2
    lane.slow_down()
    assert lane.slice == 1


@given(st.integers(1, 32), st.sampled_from([1, 2, 64, 256]), st.integers(1, 400))
def test_a_stream_is_fed_what_it_can_use(width: int, slice_size: int, ended: int) -> None:
    """Long tasks are never leased ahead; of short ones two leases at most, and enough to keep its width busy."""
    lane = Lane("c", "d", Shape(1, 0))
    lane.slice = slice_size
    stream = Stream(1, 1, lane, width)
    leases: list[int] = []
    while wanted := stream.wants():
        leases.append(wanted)
        stream.begin(len(leases), wanted, 0.0)
    assert stream.outstanding >= width
    assert stream.outstanding <= max(width, width - 1 + 2 * slice_size)
    if slice_size <= width:
        assert stream.outstanding == width
    first = min(ended, leases[0])
    stream.ended(1, first, leases[0] - first, 1.0)
    assert stream.outstanding == sum(leases) - first
    assert (1 in stream.leases) == (first < leases[0])


@given(st.floats(0.1, 1000))
def test_workers_of_a_cluster(max_vcpus: float) -> None:
    """At least one, at most one per vCPU, about one for each eight."""
    count = workers_of(max_vcpus)
    assert 1 <= count <= max(1, int(max_vcpus))
    assert count * 8 >= int(max_vcpus)


@given(st.integers(0, 10**8), st.floats(0, 10**6))
def test_the_ratio_asks_for_one_worker_per_so_many_tasks(open_tasks: int, ratio: float) -> None:
    """Rounded up, at least one, never more than tasks."""
    limit = lane_limit(open_tasks, ratio)
    assert 1 <= limit <= max(1, open_tasks)
    assert limit * max(1, int(ratio)) >= open_tasks
