"""The submit form as values: what each field shows, the preview as text, the line that says how it stands. Pure."""

import os
from collections.abc import Iterable

from textual.content import Content

from cyclone_core.operations.submission import Array, Choices, Draft, Judged, Preview, Sample
from cyclone_core.problems import Problem
from cyclone_tui import formatters
from cyclone_tui.wizard.fields import FieldView

KINDS: dict[str, Array] = {"single": "", "list": "indices", "file": "parameters"}
"""Word -> what makes an array."""
LABELS = {
    "queue": "Queue", "definition": "Definition", "name": "Name", "retries": "Retries", "priority": "Priority", "timeout": "Timeout",
    "options": "Options", "array": "Array", "indices": "Indices", "parameters": "Parameters",
}  # fmt: skip
HELP = {
    "script": "A file (↓ completes its name, Enter reads it, F3 shows the directories), or write the script here.",
    "editor": "Lines such as #HYPER -n NAME -q QUEUE -r RETRIES -t 1-100 at the top hold where the fields here are empty. F6: fields.",
    "queue": "Where the tasks wait. Left empty, the script or the host decides. ↓ shows all.",
    "definition": "What tasks run in and may use: cores, memory, image. ↓ shows all.",
    "name": "Of the job; by default the file's name.",
    "retries": "Runs a task again up to so many times after a failure.",
    "priority": "-1000 to 1000; higher runs earlier among the jobs of the queue.",
    "timeout": "Ends a task after 90, 90s, 15m, 2h or 1-12:00:00.",
    "options": "Further options as for qsub: -v NAME=VALUE, -V, --warm, --retry-exit 75,100-110.",
    "array": "single: one task. list: a task for each index, in $CYCLONE_TASK_INDEX. file: a task for each line of a parameter file.",
    "indices": "100 is 1 to 100; 1-100:5 goes in fives; 1,5,9-12 is a list; %10 behind it runs ten at once.",
    "parameters": 'One JSON object per line: {"NAME": "value"}; each NAME in the script becomes its value.',
}
_HINTS = {"options": "-v A=1 --warm", "indices": "100, 1-100:5%10, 1,5,9-12", "parameters": "a JSON object per line"}


def field_views(draft: Draft, judged: Judged, choices: Choices) -> tuple[FieldView, ...]:
    """Every field beside the script, as it is now."""
    return tuple(_field(name, draft, judged, choices) for name in LABELS)


def _field(name: str, draft: Draft, judged: Judged, choices: Choices) -> FieldView:
    offered = {"queue": choices.queues, "definition": choices.definitions, "array": tuple((word, "") for word in KINDS)}.get(name, ())
    text = next(word for word, kind in KINDS.items() if kind == draft.array) if name == "array" else getattr(draft, name)
    return FieldView(
        name=name, label=LABELS[name], help="", editor="segments" if name == "array" else "line", text=text,
        placeholder=_HINTS.get(name) or _placeholder(name, judged), choices=offered, completes=name == "parameters",
        message=told(judged.of(name)), level="error" if judged.of(name) else "",
    )  # fmt: skip


def _placeholder(name: str, judged: Judged) -> str:
    """What holds when nobody fills it in: `night (#HYPER, line 2)`."""
    found = judged.effective.get(name)
    if found is None:
        return ""
    return f"{found.value} ({found.source})" if found.source else found.value


def script_title(draft: Draft) -> str:
    """`job.sh`, `job.sh (changed)`, `new script`."""
    name = os.path.basename(draft.path)
    return f"{name} (changed)" if name and draft.edited else name or "new script"


def is_shown(name: str, draft: Draft) -> bool:
    """Indices and parameters are there when they are meant."""
    return name not in ("indices", "parameters") or draft.array == name


def told(problems: Iterable[Problem]) -> str:
    """Problems as lines of text."""
    return "\n".join(str(problem) for problem in problems)


# -- the preview ------------------------------------------------------------------------------------------------------------------
def preview_title(preview: Preview) -> str:
    """`5,000 tasks, 10 at once, from -t 1-5000%10`."""
    tasks = formatters.plural(preview.tasks, "task") if preview.tasks else "an array"
    limit = f", {preview.limit:,} at once" if preview.limit else ""
    return f"{tasks}{limit}{f', from {preview.source}' if preview.source else ''}"


def preview_rows(preview: Preview, width: int, ascii: bool = False) -> list[Content]:
    """The first and last tasks, a line each: index, the script's lines with what is put into them marked; then what may not be meant."""
    samples = [*preview.first, *preview.last]
    digits = max((len(str(one.index)) for one in samples), default=1)
    notes = [Content.assemble((f"! {note}", "$text-warning")) for note in preview.notes]
    dots = "..." if ascii else "…"
    gap = [dots] if preview.tasks > len(samples) and preview.last else []
    if not any(one.lines or one.parameters for one in samples):  # nothing but their numbers
        numbers = [*(str(one.index) for one in preview.first), *gap, *(str(one.index) for one in preview.last)]
        return [*notes, Content.assemble(("indices  ", "$muted"), ", ".join(numbers))]
    rows = [_sample(one, digits, width, ascii) for one in preview.first]
    rows += [Content.assemble((one.rjust(digits), "$muted")) for one in gap]
    rows += [_sample(one, digits, width, ascii) for one in preview.last]
    return [*notes, *rows]


def _sample(sample: Sample, digits: int, width: int, ascii: bool) -> Content:
    parts: list[tuple[str, str]] = [(f"{sample.index:>{digits}}  ", "$muted")]
    for number, line in enumerate(sample.lines):
        parts += [("  |  " if ascii else "  ⏎  ", "$muted")] if number else []
        parts += [(formatters.printable(text), "bold $accent" if put else "") for text, put in line]
    if not sample.lines:
        parts.append((formatters.printable(sample.parameters), "$muted"))
    return Content.assemble(*parts).truncate(max(1, width), ellipsis=True)


def verdict(judged: Judged | None, ascii: bool = False) -> Content:
    """How the form stands: ready, or how many problems it has."""
    if judged is None:
        return Content.assemble(("looking…", "$muted"))
    if judged.problems:
        sign = "x" if ascii else "✗"
        return Content.assemble((f"{sign} {formatters.plural(len(judged.problems), 'problem')}", "bold $text-error"))
    tasks = formatters.plural(judged.preview.tasks, "task")
    return Content.assemble((f"{'+' if ascii else '✓'} ready: {tasks}", "bold $text-success"), (f", runs in {here()}", "$muted"))


def here() -> str:
    """The directory that a submission runs in, as a person writes it."""
    try:
        path = os.getcwd()
    except OSError:
        return "a directory that is gone"
    home = os.path.expanduser("~")
    return "~" + path[len(home) :] if path == home or path.startswith(home + "/") else path
