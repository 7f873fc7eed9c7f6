"""Parameter files: packing, reading back, what a line does to a script, and what is refused."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyclone_core.errors import InvalidRequest
from cyclone_core.scheduler import packing, parameters

NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=5)
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), NAMES, st.lists(NAMES, max_size=2)
)
OBJECTS = st.dictionaries(NAMES, VALUES, max_size=4)


def packed(tmp_path: Path, content: bytes) -> parameters.ParameterFile:
    """A file with this content, packed and opened."""
    source, target = tmp_path / "in.jsonl", tmp_path / "out"
    source.write_bytes(content)
    target.unlink(missing_ok=True)
    packing.pack(str(source), str(target))
    return parameters.ParameterFile(str(target))


def refused(tmp_path: Path, content: bytes) -> list[str]:
    """Problems of a file, without its directory; nothing may be left behind."""
    with pytest.raises(InvalidRequest) as caught:
        packed(tmp_path, content)
    assert os.listdir(tmp_path) == ["in.jsonl"]
    return [str(problem).replace(f"{tmp_path}/", "") for problem in caught.value.problems]


@given(objects=st.lists(OBJECTS, min_size=1, max_size=30))
def test_lines_come_back(tmp_path_factory: pytest.TempPathFactory, objects: list[dict[str, object]]) -> None:
    """What was packed is what each task gets."""
    lines = [json.dumps(parameters) for parameters in objects]
    file = packed(tmp_path_factory.mktemp("p"), "\n".join(lines).encode())
    assert [file.line(k) for k in range(1, file.tasks + 1)] == lines
    file.close()


def test_files_of_two_processes_read_as_one(tmp_path: Path) -> None:
    """A file beyond SPLIT_BYTES: each line at its position, in any order."""
    lines = [f'{{"index": {k}, "text": "{"x" * 90}"}}' for k in range(90_000)]
    file = packed(tmp_path, "\n".join(lines).encode())
    assert file.tasks == len(lines)
    assert all(file.line(k + 1) == lines[k] for k in (0, 89_999, 44_999, 45_000, 1, *range(500, 90_000, 7001)))
    file.close()


def test_wrong_lines_of_both_processes_have_their_numbers(tmp_path: Path) -> None:
    """The second process counts from the middle."""
    lines = [f'{{"text": "{"x" * 100}"}}' for _ in range(90_000)]
    lines[7] = lines[80_000] = "[]"
    assert [problem.partition(": ")[0] for problem in refused(tmp_path, "\n".join(lines).encode())] == ["in.jsonl:8", "in.jsonl:80001"]


def test_harmless_oddities(tmp_path: Path) -> None:
    """A byte order mark, Windows line ends, blanks around, and blank lines at the end."""
    file = packed(tmp_path, b'\xef\xbb\xbf{"A": 1}\r\n {"A": "\xc3\xa9"} \r\n\r\n\n  \n')
    assert [parameters.replace(b"A", file.line(k)) for k in range(1, file.tasks + 1)] == [b"1", "é".encode()]
    file.close()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"", "in.jsonl:2: is blank"),
        (b"{", "in.jsonl:2: is not JSON: expecting property name"),
        (b"{'A': 1}", "in.jsonl:2: is not JSON: expecting property name"),
        (b"nope", "in.jsonl:2: is not JSON from column 1 on ('nope')"),
        (b'["A"]', "in.jsonl:2: is not a JSON object"),
        (b"{} {}", "in.jsonl:2: has more than one JSON value: the first ends in column 2"),
        (b'{"A": NaN}', "in.jsonl:2: is not JSON: it knows no NaN"),
        (b'{"A": "\xff"}', "in.jsonl:2: is not UTF-8 text"),
        (b'{"": 1}', "in.jsonl:2: has an empty name"),
        (b'{"A": "\\ud800"}', "in.jsonl:2: has a character that no script can hold"),
        (b'{"A": ["\\u0000"]}', "in.jsonl:2: has a character that no script can hold"),
        (b"[" * 100_000, "in.jsonl:2: is nested too deeply"),
        (b'{"A": "' + b"x" * (1 << 20) + b'"}', "in.jsonl:2: is too long: 1,048,585 characters"),
    ],
)
def test_wrong_lines(tmp_path: Path, line: bytes, reason: str) -> None:
    """Line number and reason."""
    (problem,) = refused(tmp_path, b'{"A": 0}\n' + line + b'\n{"A": 2}\n')
    assert problem.startswith(reason)


def test_wrong_lines_are_explained_where_json_was_never_loaded(tmp_path: Path) -> None:
    """The bare scanner of a lean process has no error messages of its own."""
    (tmp_path / "in").write_text("{}\n{\n")
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from cyclone_core.scheduler import packing\n"
        "assert 'json' not in sys.modules\n"
        "try: packing.pack(sys.argv[2], sys.argv[2] + '.out')\n"
        "except Exception as exc: print(exc)"
    )
    command = [sys.executable, "-ISE", "-c", code, str(Path(packing.__file__).parents[2]), str(tmp_path / "in")]
    assert "in:2: is not JSON: expecting property name" in subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_many_wrong_lines_are_counted(tmp_path: Path) -> None:
    """The first twenty are shown."""
    problems = refused(tmp_path, b"x\n" * 1000)
    assert (len(problems), problems[-1]) == (21, "in.jsonl: 980 more lines are wrong")


def test_no_lines(tmp_path: Path) -> None:
    """An array of nothing is refused."""
    assert refused(tmp_path, b"\n\n") == [
        'in.jsonl: has no line: an array needs at least one task. Write one JSON object per line: {"NAME": "value"}'
    ]


def test_pipes_can_be_packed(tmp_path: Path) -> None:
    """`-a <(generate)`: a pipe has no size."""
    reading, writing = os.pipe()
    os.write(writing, b'{"A": 1}\n{"A": 2}\n')
    os.close(writing)
    assert packing.pack(f"/dev/fd/{reading}", str(tmp_path / "out")) == 2
    assert os.listdir(tmp_path) == ["out"]


def test_objects_in_memory(tmp_path: Path) -> None:
    """The library's arrays."""
    assert packing.pack_objects(({"A": k} for k in range(5)), str(tmp_path / "out")) == 5
    file = parameters.ParameterFile(str(tmp_path / "out"))
    assert file.line(5) == '{"A": 4}'
    file.close()


def test_positions_outside_are_refused(tmp_path: Path) -> None:
    """No task reads the line of another."""
    file = packed(tmp_path, b"{}")
    for position in (0, 2):
        with pytest.raises(IndexError):
            file.line(position)
    file.close()


@pytest.mark.parametrize(
    ("line", "script", "result"),
    [
        ('{"A": "x", "B": 1}', b"run A B $A", b"run x 1 $x"),
        ('{"N": "1", "NAME": "N"}', b"N NAME", b"1 N"),
        ('{"A": "B", "B": "A"}', b"A B", b"B A"),
        ('{"x": 0.10, "y": 1e5, "z": 12345678901234567890}', b"x y z", b"0.10 1e5 12345678901234567890"),
        ('{"a": true, "b": null, "c": [1, {"d": "\xe9"}]}', b"a b c", 'true null [1, {"d": "é"}]'.encode()),
        ("{}", b"\xff", b"\xff"),
        ('{"\\u00e9": "e"}', "café".encode(), b"cafe"),
    ],
)
def test_replacing(line: str, script: bytes, result: bytes) -> None:
    """Literal, longest name first, one pass, numbers as written."""
    assert parameters.replace(script, line) == result


@pytest.mark.parametrize("text", ['{"A": "x", "B": 1}', "{'A': 'x', 'B': 1}", " {'A':'x','B':1,} "])
def test_replacements_as_json_or_as_python_wrote_them(text: str) -> None:
    """Both spellings of -p."""
    assert json.loads(parameters.read_replacements(text)) == {"A": "x", "B": 1}


@pytest.mark.parametrize("text", ["", "A=1", "{'A'", "['A']", "{1: 2}{", "__import__('os')", "{'A': {1, 2}}", "{'A': '\\x00'}"])
def test_other_replacements_are_refused(text: str) -> None:
    """With a reason, and without running anything."""
    with pytest.raises(ValueError, match=r"^(is|has) "):
        parameters.read_replacements(text)


@given(st.text())
def test_any_text_is_parameters_or_not(text: str) -> None:
    """wrong_line never raises, and what it accepts can be put into a script."""
    if not parameters.wrong_line(text):
        assert isinstance(parameters.replace(b"script", text), bytes)
