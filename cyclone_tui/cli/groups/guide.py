"""The guided mode: asks for what is missing, one line of help and the default with each question. Only ever on a terminal.

Questions go to stderr and answers come from stdin, so stdout stays data. Enter takes the default; an answer that cannot be is told why
and asked again.
"""

import sys
from collections.abc import Callable, Iterable, Mapping

import click

from cyclone_core.problems import Problem
from cyclone_core.resource_fields import Document, FieldSpec, HostType, field_problems, fields_of, refusals, show
from cyclone_core.scheduler.references import unknown


def is_possible() -> bool:
    """Whether somebody can be asked: questions and answers both belong to a terminal."""
    return bool(sys.stdin and sys.stdin.isatty() and sys.stderr and sys.stderr.isatty())


class Guide:
    """Asks for the fields of one resource."""

    def __init__(self, existing: Callable[[str], Iterable[str]], read_line: Callable[[], str], say: Callable[[str], None]) -> None:
        """existing: names of a kind; read_line: one line with its end, "" at the end of input; say: prints to people."""
        self._existing, self._read_line, self._say = existing, read_line, say

    def complete(
        self,
        model: type[Document],
        given: Mapping[str, object],
        host_type: HostType,
        current: Mapping[str, object] | None = None,
        without: Iterable[str] = (),
    ) -> dict[str, object]:
        """`given` with answers for the promptable fields that it lacks. current: values of an update, which Enter keeps.

        Raises click.Abort when the input ends.
        """
        answers = dict(given)
        for spec in fields_of(model):
            asked = spec.option.prompt and spec.option.cli and spec.name not in answers and spec.name not in without
            if asked and spec.applies_to(self._host_type(answers, host_type)):
                answer = self.ask(model, spec, answers, current or {}, host_type)
                if answer is not None:
                    answers[spec.name] = answer
        return answers

    def ask(
        self, model: type[Document], spec: FieldSpec, answers: Mapping[str, object], current: Mapping[str, object], host_type: HostType
    ) -> str | None:
        """One valid answer; None for the default."""
        default, is_value = self._default(model, spec, current, host_type)
        self._say(f"\n{spec.help}{self._choices(spec)}\n")
        while True:
            self._say(f"  {spec.name.replace('_', ' ')}{f' [{default}]' if default else ''}: ")
            line = self._read_line()
            if not line:
                raise click.Abort
            text = line.strip() or (default if is_value else "")
            if not text and not spec.required:
                return None
            problems = field_problems(model, spec.name, text, {"name": "x", **answers}) if text else []
            problems += refusals(model, {spec.name: text}, host_type)
            problems += self._unknown(spec, text)
            if text and not problems:
                return text
            for problem in problems:
                self._say(f"  {problem.message}{'. ' + problem.hint if problem.hint else ''}\n")

    def confirm(self, question: str) -> bool:
        """Yes or no; anything but yes is no."""
        self._say(f"{question} [y/N] ")
        return self._read_line().strip().lower() in ("y", "yes")

    def confirm_by_name(self, question: str, name: str) -> bool:
        """For what cannot be undone: the name has to be typed."""
        self._say(f"{question} Type {name} to go on: ")
        return self._read_line().strip() == name

    @staticmethod
    def _host_type(answers: Mapping[str, object], host_type: HostType) -> HostType:
        return "aws" if answers.get("type") == "aws" else host_type

    def _default(self, model: type[Document], spec: FieldSpec, current: Mapping[str, object], host_type: HostType) -> tuple[str, bool]:
        """(what Enter means, whether that is a value to send)."""
        if current.get(spec.name) is not None:
            return show(current[spec.name]), False
        if spec.name == "name":
            kind = {"JobDefinition": "definition"}.get(model.__name__, model.__name__.lower())
            taken = set(self._existing(kind))
            return next(name for number in range(1, len(taken) + 2) if (name := f"{kind}-{number}") not in taken), True
        return spec.default_text(host_type), False

    def _unknown(self, spec: FieldSpec, text: str) -> list[Problem]:
        """The problem of an answer that names something which is not there."""
        kind = spec.option.refers_to
        known = list(self._existing(kind)) if kind else []
        return [unknown(kind, text, {kind: {name: {} for name in known}}, spec.name)] if kind and text and text not in known else []

    def _choices(self, spec: FieldSpec) -> str:
        names = spec.choices or (sorted(self._existing(spec.option.refers_to)) if spec.option.refers_to else ())
        return f" ({', '.join(names[:12])}{', …' if len(names) > 12 else ''})" if names else ""


def on_terminal(existing: Callable[[str], Iterable[str]] = lambda kind: ()) -> Guide:
    """The guide of this process's terminal."""

    def say(text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()

    return Guide(existing, sys.stdin.readline, say)
