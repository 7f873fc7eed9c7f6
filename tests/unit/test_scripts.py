"""Scripts as text: directives, interpreter, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyclone_core.errors import InvalidRequest
from cyclone_core.problems import Problems
from cyclone_core.scheduler import scripts

SPECIFICATION = b"""#!/bin/bash
## BEGIN HYPER SETTINGS: Note HYPER lines MUST start with #
#HYPER -n job-name
#HYPER -q queue-name
#HYPER -r 2
#HYPER -d job-definition-name
## END HYPER SETTINGS
## BEGIN ACTUAL CODE
for i in $(seq 60)
do
    echo $i seconds
done
"""


def problems_of(script: bytes) -> list[str]:
    """What directives() finds wrong."""
    problems = Problems()
    scripts.directives("job.sh", script, problems)
    return [str(problem) for problem in problems]


def values_of(script: bytes) -> dict[str, str]:
    """Field -> value of all directives of a script without problems."""
    problems = Problems()
    found = scripts.directives("job.sh", script, problems)
    problems.check()
    return {field: values[-1] for _, arguments in found for field, values in arguments.values.items()}


def test_the_specifications_example() -> None:
    """Comments around directives do not matter."""
    assert values_of(SPECIFICATION) == {"name": "job-name", "queue": "queue-name", "retries": "2", "definition": "job-definition-name"}


def test_several_options_on_a_line_with_quotes_and_comment() -> None:
    """A directive line is read as a shell would."""
    text = b"#HYPER -n 'two words' -q \"q\" --timeout=2h # why\n\n#HYPER --warm -t 1-10%2\nx\n"
    assert values_of(text) == {"name": "two words", "queue": "q", "timeout_s": "2h", "warm": "--warm", "array": "1-10%2"}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"#HYPER -x 1", "job.sh:2: unknown option -x"),
        (b"#HYPER --queu fast", "job.sh:2: unknown option --queu: did you mean --queue?"),
        (b"#HYPER -q", "job.sh:2: option -q needs a value: -q QUEUE"),
        (b"#HYPER fast", "job.sh:2: unexpected word 'fast'. A directive consists of options"),
        (b"#HYPER --wait", "job.sh:2: --wait cannot stand in a script. Give it to qsub on the command line"),
        (b"#HYPER -n 'open", "job.sh:2: the quote ' is never closed"),
        (b"#HYPER -n \xff", "job.sh:2: the directive is not UTF-8 text"),
        (b"#HYPR -q fast", "job.sh:2: '#HYPR -q fast' looks like a directive but is none. Directives begin with #HYPER"),
        (b"# HYPER -q fast", "job.sh:2: '# HYPER -q fast' looks like a directive but is none"),
        (b"#hyper -q fast", "job.sh:2: '#hyper -q fast' looks like a directive but is none"),
        (b"#HYPER-q fast", "job.sh:2: '#HYPER-q fast' looks like a directive but is none"),
    ],
)
def test_wrong_directives_name_their_line(line: bytes, message: str) -> None:
    """Every mistake is found with its line number and remedy."""
    (found,) = problems_of(b"#!/bin/bash\n" + line + b"\necho\n")
    assert found.startswith(message)


@pytest.mark.parametrize(
    "line", [b"## BEGIN HYPER SETTINGS - x", b"#HYPERPARAMETERS: x", b"# Usage: x -y", b"#PBS -N x", b"# hyper - a dash", b"#SBATCH -n 4"]
)
def test_ordinary_comments_are_left_alone(line: bytes) -> None:
    """Prose and other schedulers' directives are no typing errors."""
    assert problems_of(line + b"\necho\n") == []


def test_all_wrong_lines_are_reported() -> None:
    """Nobody has to submit three times to find three mistakes."""
    assert len(problems_of(b"#HYPER -x\n#HYPER -y\n#HYPR -q z\necho\n#HYPER -q late\n")) == 4


def test_late_directives_are_problems_but_not_in_here_documents() -> None:
    """A script may write scripts."""
    script = b"echo\ncat > job.sh <<'END'\n#HYPER -q inner\nEND\n#HYPER -q late\n"
    assert problems_of(script) == [
        "job.sh:5: this directive comes after the first command and would be ignored. Move it to the top of the script"
    ]


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (b"echo\n", ("/bin/bash",)),
        (b"#!/bin/sh\n", ("/bin/sh",)),
        (b"#! /usr/bin/env python3\n", ("/usr/bin/env", "python3")),
        (b"#!/bin/bash -e -u", ("/bin/bash", "-e", "-u")),
        (b"#!/usr/bin/env -S python3 -c 'a b'\n", ("/usr/bin/env", "-S python3 -c 'a b'")),
    ],
)
def test_interpreter(script: bytes, words: tuple[str, ...]) -> None:
    """The words of the #! line, bash without one."""
    assert scripts.interpreter("job.sh", script, Problems()) == words


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (b"", "job.sh: is empty"),
        (b" \n\t\n", "job.sh: is empty"),
        (b"#!/bin/bash\n# nothing\n", "job.sh: has no command"),
        (b"\x7fELF\x02\0\0", "job.sh: is not a script: there is a NUL byte at offset 5. Submit commands that run it: qsub -c ./program"),
        (
            b"#!/bin/bash\r\necho\r\n",
            "job.sh: has Windows line ends (CRLF, first in line 1), which bash cannot run. Convert it: sed -i 's/\\r$//' job.sh",
        ),
        (b"#" * (10 * 2**20 + 1), "job.sh: is too large: 10.0 MiB, scripts may have 10 MiB"),
    ],
)
def test_unfit_texts(script: bytes, message: str) -> None:
    """What cannot be run is refused with the remedy."""
    problems = Problems()
    scripts.check_text("job.sh", script, problems)
    assert [str(problem).startswith(message) for problem in problems] == [True], list(problems)


def test_commands_replace_the_body_and_keep_the_interpreter() -> None:
    """`-c` with a FILENAME."""
    assert scripts.with_commands(b"#!/bin/sh -e\n#HYPER -n x\nold", b"new") == b"#!/bin/sh -e\nnew\n"
    assert scripts.with_commands(b"", b"new\n") == b"#!/bin/bash\nnew\n"


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]))))
def test_words_survive_quoting(words: list[str]) -> None:
    """join and split are inverse."""
    assert scripts.split_words(scripts.join_words(words)) == words


LINES = st.lists(
    st.one_of(st.binary(max_size=30), st.sampled_from([b"#HYPER ", b"#HYPER -q a", b"#HYPR -x", b"# HYPER -n", b"echo <<E", b"E", b"#!"]))
)


@given(LINES, st.sampled_from([b"\n", b" ", b""]))
def test_any_bytes_are_read_or_refused(lines: list[bytes], glue: bytes) -> None:
    """The parser raises nothing but InvalidRequest, whatever the file holds."""
    script, problems = glue.join(lines), Problems()
    scripts.check_text("x", script, problems)
    scripts.interpreter("x", script, problems)
    scripts.directives("x", script, problems)
    try:
        problems.check()
    except InvalidRequest as exc:
        assert str(exc)  # noqa: PT017
