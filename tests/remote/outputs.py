"""What workers stored of outputs, read the plain way."""

from io import BytesIO
from typing import TYPE_CHECKING
from zlib import decompress

from cyclone_core import journal
from cyclone_core.scheduler.dynamo import keys

if TYPE_CHECKING:
    from tests.remote.host import Host


class _Frames(BytesIO):
    name = "its log object"


def output(host: "Host", job: int, position: int) -> bytes:
    """The output of the last attempt of a task that is over."""
    unit = next(unit for unit in host.units(job) if position in unit.results)
    row, number = unit.results[position]
    if not number:
        return b""
    low = unit.low if unit.array else 0
    inline = unit.output if unit.log == number else b""
    end = journal.end_at(_Frames(decompress(inline or host.bucket.get(keys.log_object(job, low, number)))), row[6])
    assert (end.job, end.position, end.attempt) == (job, position, row[2])
    return host.bucket.get(keys.output_object(job, low, position, end.attempt)) if end.flags & journal.SPILLED else end.output
