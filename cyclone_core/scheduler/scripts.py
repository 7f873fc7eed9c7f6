"""Job scripts as text: what a submission may contain, its interpreter, and its `#HYPER` directives.

    #!/bin/bash
    ## any comment
    #HYPER -n job-name -q queue-name          options as `qsub` takes them, several on a line, quotes as in a shell, `# comment`
    #HYPER -r 2
    for i in …                                the first command ends the directives

A directive after the first command, a mistyped option and a line that only looks like a directive (`#HYPR -q x`, `# HYPER -q x`) are
problems, never silently a comment: a job in the wrong queue is found out hours later. Lines inside here-documents are left alone
(scripts write scripts). Nothing here touches files.
"""

from cyclone_core.errors import UsageError
from cyclone_core.jobs import MAX_SCRIPT_BYTES
from cyclone_core.options import Option, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from cyclone_core.options import Arguments
    from cyclone_core.problems import Problems

SETTINGS = (
    Option("-j -n --name", "name", "NAME", "name of the job (default: the file's name)"),
    Option("-q --queue", "queue", "QUEUE", "queue to submit to (default: the host's default queue)"),
    Option("-d --definition", "definition", "DEFINITION", "job definition: what the tasks run in and may use"),
    Option("-r --retries", "retries", "N", "run again up to N times after a failure (default 0)"),
    Option("--retry-exit", "retry_exit", "LIST", "only these exit codes are retried: 75,100-110"),
    Option(
        "-t --array", "array", "RANGE", "an array: N, LOW-HIGH[:STEP] or a list 1,5,9-12; with %LIMIT behind it so many tasks run at once"
    ),
    Option("--timeout", "timeout_s", "TIME", "end a task after 90, 90s, 15m, 2h, 1-12:00:00"),
    Option("--priority", "priority", "N", "-1000 to 1000, higher first (default 0)"),
    Option("-V --export-all", "export_all", "", "the job gets all environment variables of this shell"),
    Option("-v --export", "export", "NAME[=VALUE],…", "the job gets these variables; \\, is a comma in a value", repeat=True),
    Option("--warm --no-warm", "warm", "", "run tasks in a warm shell: faster, see docs/warm-shells.md"),
)
"""What both a directive and the command line may say; `settings` knows what the values mean."""
COMMAND_LINE_ONLY = (
    "-a",
    "-c",
    "-p",
    "-h",
    "--parameters",
    "--commands",
    "--replace",
    "--wait",
    "--json",
    "--host",
    "--idempotency-key",
    "--help",
)
DEFAULT_INTERPRETER = ("/bin/bash",)
_MARK = b"#HYPER"


def check_text(path: str, script: bytes, problems: "Problems", needs_command: bool = True) -> None:
    """Record what makes a text unfit as a script: size, emptiness, binary content, line ends of another system."""
    if len(script) > MAX_SCRIPT_BYTES:
        too_large(path, len(script), problems)
    elif b"\0" in script:
        hint = "Submit commands that run it: qsub -c ./program"
        problems.add(path, f"is not a script: there is a NUL byte at offset {script.index(0)}", hint)
    elif not script.strip():
        problems.add(path, "is empty: there is nothing to run")
    elif script[:3] == b"\xef\xbb\xbf":
        hint = f"Remove it: sed -i '1s/^\\xEF\\xBB\\xBF//' {quote(path)}"
        problems.add(path, "begins with a byte order mark (BOM), which hides its #! line and spoils its first command", hint)
    elif b"\r\n" in script:
        line = script.count(b"\n", 0, script.index(b"\r\n")) + 1
        problems.add(
            path,
            f"has Windows line ends (CRLF, first in line {line}), which bash cannot run",
            f"Convert it: sed -i 's/\\r$//' {quote(path)}",
        )
    elif needs_command and _header_end(script)[0] == len(script):
        problems.add(path, "has no command: all of its lines are comments")


def too_large(path: str, size: int, problems: "Problems") -> None:
    """Record that a script of `size` bytes is refused."""
    limit = f"scripts may have {MAX_SCRIPT_BYTES // 2**20} MiB"
    problems.add(path, f"is too large: {size / 2**20:,.1f} MiB, {limit}", "Keep data in files of their own that the script reads")


def interpreter(path: str, script: bytes, problems: "Problems") -> "tuple[str, ...]":
    """Command words that run the script, from its `#!` line; bash without one."""
    if script[:2] != b"#!":
        return DEFAULT_INTERPRETER
    line = script[2:].partition(b"\n")[0].decode("utf-8", "surrogateescape").strip()
    if not line:
        problems.add(f"{path}:1", "the #! line names no interpreter", "Write #!/bin/bash or remove the line")
        return DEFAULT_INTERPRETER
    first, _, rest = line.partition(" ")
    rest = rest.strip()
    # As the kernel does it, `env -S` gets one argument and cuts it up itself, quotes and all; otherwise words are words.
    return (first, rest) if rest[:2] == "-S" else (first, *rest.split())


def directives(path: str, script: bytes, problems: "Problems") -> "list[tuple[int, Arguments]]":
    """(line number, options) of each directive line, in order. Records every line that is not what it should be."""
    end, lines = _header_end(script)
    found = []
    for number, line in enumerate(lines, 1):
        if line[:6] == _MARK and line[6:7] in (b"", b" ", b"\t"):
            arguments = _directive(f"{path}:{number}", line[6:], problems)
            if arguments:
                found.append((number, arguments))
        elif line[:1] == b"#" and b"-" in line:
            _check_lookalike(f"{path}:{number}", line, problems)
    if script.find(b"\n" + _MARK, max(0, end - 1)) >= 0:
        for number in _late(script[end:].split(b"\n"), len(lines) + 1):
            problems.add(
                f"{path}:{number}", "this directive comes after the first command and would be ignored", "Move it to the top of the script"
            )
    return found


def with_commands(script: bytes, commands: bytes) -> bytes:
    """The script with its body replaced by commands; the interpreter stays."""
    first = script.partition(b"\n")[0] if script[:2] == b"#!" else b"#!/bin/bash"
    return first + b"\n" + commands + (b"" if commands[-1:] == b"\n" else b"\n")


def split_words(text: str) -> "list[str]":
    """Words of a directive line: blanks separate, quotes and backslashes as in a shell, ` #` begins a comment.

    Raises ValueError for a quote that is never closed.
    """
    if not any(mark in text for mark in "'\"\\#"):
        return text.split()
    words: list[str] = []
    word: str | None = None
    at = 0
    while at < len(text):
        char = text[at]
        at += 1
        if char in "'\"":
            piece, at = _quoted(text, at, char)
            word = (word or "") + piece
        elif char == "\\" and at < len(text):
            word = (word or "") + text[at]
            at += 1
        elif char.isspace():
            if word is not None:
                words.append(word)
            word = None
        elif char == "#" and word is None:
            break
        else:
            word = (word or "") + char
    return words if word is None else [*words, word]


def join_words(words: "Sequence[str]") -> str:
    """The inverse of `split_words`."""
    return " ".join(map(quote, words))


def quote(word: str) -> str:
    """One word as a shell reads it back."""
    if word and all(char.isalnum() or char in "@%+=:,./-_" for char in word):
        return word
    return "'" + word.replace("'", "'\"'\"'") + "'"


def _quoted(text: str, at: int, mark: str) -> "tuple[str, int]":
    piece = ""
    while at < len(text):
        char = text[at]
        at += 1
        if char == mark:
            return piece, at
        if char == "\\" and mark == '"' and text[at : at + 1] in ('"', "\\"):
            char = text[at]
            at += 1
        piece += char
    raise ValueError(f"the quote {mark} is never closed")


def _header_end(script: bytes) -> "tuple[int, list[bytes]]":
    """Where the first command begins (the script's length when there is none), and the lines of comments above it."""
    lines: list[bytes] = []
    at = 0
    while at < len(script):
        end = script.find(b"\n", at)
        line = script[at:] if end < 0 else script[at:end]
        stripped = line.lstrip()
        if stripped and stripped[:1] != b"#":
            return at, lines
        lines.append(line)
        at = len(script) if end < 0 else end + 1
    return len(script), lines


def _directive(where: str, rest: bytes, problems: "Problems") -> "Arguments | None":
    try:
        arguments = parse(SETTINGS, split_words(rest.decode()))
    except UnicodeDecodeError:
        problems.add(where, "the directive is not UTF-8 text")
    except UsageError as exc:
        name = str(exc).partition("unknown option ")[2].partition(":")[0]
        if name in COMMAND_LINE_ONLY:
            problems.add(where, f"{name} cannot stand in a script", "Give it to qsub on the command line")
        else:
            problems.add(where, str(exc))
    except ValueError as exc:
        problems.add(where, str(exc))
    else:
        if not arguments.operands:
            return arguments
        problems.add(
            where, f"unexpected word {arguments.operands[0]!r}", "A directive consists of options: #HYPER -n NAME; quote values with blanks"
        )
    return None


def _check_lookalike(where: str, line: bytes, problems: "Problems") -> None:
    """A comment such as `# HYPER -n x`, `#hyper -n x`, `#HYPR -n x` or `#HYPER-n x` was meant as a directive."""
    rest = line[1:].lstrip()
    letters = len(rest) - len(rest.lstrip(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"))
    word, after = rest[:letters].decode(), rest[letters:].lstrip(b" \t:")
    if not (4 <= letters <= 7 and after[:1] == b"-" and after[1:2].strip(b" ")):
        return
    from difflib import SequenceMatcher

    if SequenceMatcher(None, word.upper(), "HYPER").ratio() >= 0.75:
        shown = line[:60].decode("utf-8", "replace")
        problems.add(where, f"{shown!r} looks like a directive but is none", "Directives begin with #HYPER and a blank: #HYPER -n NAME")


def _late(lines: "list[bytes]", number: int) -> "list[int]":
    """Numbers of directive lines among the commands, those in here-documents left out."""
    import re

    opening = re.compile(rb"<<-?\s*[\"'\\]?([A-Za-z_]\w*)")
    found: list[int] = []
    ends: list[bytes] = []
    for number, line in enumerate(lines, number):  # noqa: B020
        if ends:
            if line.lstrip(b"\t") == ends[0]:
                del ends[0]
        elif line[:6] == _MARK and line[6:7] in (b"", b" ", b"\t"):
            found.append(number)
        else:
            ends = opening.findall(line)
    return found
