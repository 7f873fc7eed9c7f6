"""What the tasks of an array will be, before it is submitted: how many, the first and the last, their values put into the script.

Pure but for reading parameter files: those of usual size are packed and so checked whole, of very large ones only the beginning is read.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cyclone_core.errors import InvalidRequest
from cyclone_core.jobs import JobRequest
from cyclone_core.problems import Problem, Problems
from cyclone_core.scheduler import parameters as lines
from cyclone_core.scheduler.packing import pack

_INDEX_NAMES = (
    b"CYCLONE_TASK_INDEX", b"PBS_ARRAYID", b"PBS_ARRAY_INDEX", b"SGE_TASK_ID", b"LSB_JOBINDEX", b"SLURM_ARRAY_TASK_ID",
)  # fmt: skip
FIRST, LAST = 3, 2
"""So many tasks are expanded."""
LINES = 3
"""Lines of a script that are shown of each."""
CHECKED_BYTES = 64 * 2**20
"""Parameter files up to this size are checked whole before they are submitted."""
_looked_at: "dict[tuple[str, int, int], Sampled]" = {}  # the last good file: a form is judged with every key


@dataclass(frozen=True)
class Sample:
    """A task of an array as it will run: its index, its parameters as text, and the script's lines with something put into them."""

    index: int
    parameters: str = ""
    lines: tuple[tuple[tuple[str, bool], ...], ...] = ()
    """each in parts: (text, whether it was put in)"""


@dataclass(frozen=True)
class Preview:
    """What a submission comes to."""

    tasks: int = 1
    limit: int = 0
    """most of them at once, 0 = no limit"""
    array: bool = False
    first: tuple[Sample, ...] = ()
    last: tuple[Sample, ...] = ()
    source: str = ""
    """where the array is described: a file, an option, a line of the script"""
    notes: tuple[str, ...] = ()
    """what is allowed, but perhaps not meant"""


@dataclass(frozen=True)
class Sampled:
    """A parameter file as far as it was looked at: (line number, line) of the first and last ones."""

    tasks: int
    first: tuple[tuple[int, str], ...]
    last: tuple[tuple[int, str], ...]
    whole: bool = True


def look(path: str, problems: Problems) -> Sampled | None:
    """Look at a parameter file: all of it, unless it is very large. None with problems of the field `parameters`."""
    path = os.path.expanduser(path)
    if path and os.path.exists(path) and not os.path.isfile(path):
        problems.add("parameters", "is no regular file", "Use qsub -a for pipes")
        return None
    if path and os.path.isfile(path) and os.path.getsize(path) > CHECKED_BYTES:
        return _peeked(path, problems)
    key = _identity(path)
    if key is not None and key in _looked_at:
        return _looked_at[key]
    import tempfile  # with what it imports a tenth of the form's loading, and seldom needed

    with tempfile.TemporaryDirectory(prefix="cyclone-") as folder:
        tasks = pack_file(path, f"{folder}/packed", problems)
        found = _sampled(f"{folder}/packed", tasks) if tasks else None
    _looked_at.clear()
    if key is not None and found is not None:
        _looked_at[key] = found
    return found


def _identity(path: str) -> tuple[str, int, int] | None:
    """What tells whether a file is still the one that was looked at."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return os.path.abspath(path), found.st_mtime_ns, found.st_size


def pack_file(path: str, target: str, problems: Problems) -> int | None:
    """Pack a parameter file; its number of tasks, None with problems."""
    path = os.path.expanduser(path)
    if not path:
        problems.add("parameters", "no file is named", 'It has one JSON object per line, each a task: {"NAME": "value"}')
        return None
    try:
        return pack(path, target)
    except InvalidRequest as exc:
        problems.extend(Problem("parameters", f"{_line_of(path, each.path)}{each.message}", each.hint) for each in exc.problems)
    except OSError as exc:
        problems.add("parameters", f"cannot be read: {(exc.strerror or str(exc)).lower()}", "Check the name")
    return None


def _line_of(path: str, where: str) -> str:
    """`line 7: ` where a problem names a line of a file."""
    number = where.removeprefix(path).removeprefix(":")
    return f"line {number}: " if number.isdigit() else ""


def of_indices(script: bytes, request: JobRequest, source: str) -> Preview:
    """Of an array of indices. source: where they are said."""
    index = _index_of(request)
    first, last = _shown(request.tasks)
    used = any(name in script for name in _INDEX_NAMES)
    return Preview(
        request.tasks, request.limit, True,
        tuple(_of_index(script, index(position)) for position in first),
        tuple(_of_index(script, index(position)) for position in last),
        source,
        () if used else ("no line of the script uses $CYCLONE_TASK_INDEX: all tasks do the same",),
    )  # fmt: skip


def of_parameters(script: bytes, found: Sampled, source: str) -> Preview:
    """Of an array whose tasks are the lines of a file."""

    def sample(number: int, line: str) -> Sample:
        return Sample(number, line.strip(), tuple(_changed(script, lines.pairs_of(line))))

    notes = [] if found.whole else [f"a file of {os.path.getsize(os.path.expanduser(source)) >> 20} MiB is counted when it is submitted"]
    if found.first:
        unused = [repr(name.decode("utf-8", "replace")) for name, _ in lines.pairs_of(found.first[0][1]) if name not in script]
        notes += [f"{', '.join(sorted(unused))} {'stands' if len(unused) == 1 else 'stand'} nowhere in the script"] if unused else []
    first, last = (tuple(sample(*one) for one in part) for part in (found.first, found.last))
    return Preview(found.tasks, 0, True, first, last, source, tuple(notes))


def indices_text(request: JobRequest) -> str:
    """The indices of an array as `-t` takes them."""
    limit = f"%{request.limit}" if request.limit else ""
    if request.ranges:
        from cyclone_core.indices import Indices

        return Indices(request.ranges).text(60) + limit
    low, high, step = request.indices or (1, 1, 1)
    return f"{low}-{high}{f':{step}' if step > 1 else ''}{limit}"


def _sampled(packed: str, tasks: int) -> Sampled:
    file = lines.ParameterFile(packed)
    try:
        first, last = _shown(tasks)
        return Sampled(tasks, tuple((n, file.line(n)) for n in first), tuple((n, file.line(n)) for n in last))
    finally:
        file.close()


def _peeked(path: str, problems: Problems) -> Sampled | None:
    """The first lines of a very large file, and how many there are about."""
    with open(path, "rb") as file:
        head = file.read(1 << 20)
    texts = [text for text in head.decode("utf-8", "replace").split("\n")[:-1] if text.strip()][:FIRST]
    for number, text in enumerate(texts, 1):
        if wrong := lines.wrong_line(text):
            problems.add("parameters", f"line {number}: {wrong}", "Correct the file")
            return None
    about = os.path.getsize(path) * max(1, head.count(b"\n")) // max(1, len(head))
    return Sampled(about, tuple(enumerate(texts, 1)), (), whole=False)


def _index_of(request: JobRequest) -> Callable[[int], int]:
    if request.ranges:
        from cyclone_core.indices import Indices

        return Indices(request.ranges).index
    low, _, step = request.indices or (1, 1, 1)
    return lambda position: low + (position - 1) * step


def _of_index(script: bytes, index: int) -> Sample:
    number = b"%d" % index
    names = sorted((b"$" + name for name in _INDEX_NAMES), key=len, reverse=True)
    return Sample(
        index, "", tuple(_changed(script, [(b"${%s}" % name[1:], number) for name in names] + [(name, number) for name in names]))
    )


def _changed(script: bytes, pairs: "list[tuple[bytes, bytes]]") -> Iterator[tuple[tuple[str, bool], ...]]:
    """The first lines that something is put into, in parts."""
    count = 0
    for line in script.split(b"\n"):
        parts = _parts(line.strip(), pairs)
        if len(parts) > 1 or (parts and parts[0][1]):
            yield tuple((text.decode("utf-8", "replace"), put) for text, put in parts)
            count += 1
            if count == LINES:
                return


def _parts(text: bytes, pairs: "list[tuple[bytes, bytes]]") -> list[tuple[bytes, bool]]:
    """As `parameters.substitute`, with what was put in told apart."""
    if not pairs:
        return [(text, False)] if text else []
    (name, value), rest = pairs[0], pairs[1:]
    found: list[tuple[bytes, bool]] = []
    for number, piece in enumerate(text.split(name)):
        found += [(value, True)] if number else []
        found += _parts(piece, rest)
    return found


def _shown(tasks: int) -> tuple[range, range]:
    """Positions of the first and of the last ones."""
    first = range(1, min(tasks, FIRST) + 1)
    return first, range(max(tasks - LAST, len(first)) + 1, tasks + 1)
