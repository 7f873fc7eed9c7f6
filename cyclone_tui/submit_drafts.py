"""The draft of the submit form on disk: one for each host, 0600, kept when the form is left and gone when it is submitted.

Further options whose names say that they carry a secret are left out. A file that cannot be read is no draft.
"""

import json
import os
import re
from contextlib import suppress
from dataclasses import asdict, fields, replace
from typing import Any

from cyclone_core import paths
from cyclone_core.operations.submission import Draft

_SECRET = re.compile(r"passw|secret|token|credential|api_?key|access_?key|private|auth", re.IGNORECASE)


class SubmitDraft:
    """The draft for one host."""

    def __init__(self, host: str) -> None:
        self.path = os.path.join(paths.config_dir(), "drafts", "submit", f"{host}.json")

    def keep(self, draft: Draft) -> None:
        """Write it; an empty one is none. A disk that takes nothing costs the draft, never the form."""
        if draft.is_empty:
            self.forget()
            return
        if _SECRET.search(draft.options):
            draft = replace(draft, options="")
        with suppress(OSError):
            os.makedirs(os.path.dirname(self.path), 0o700, exist_ok=True)
            new = f"{self.path}.new"
            with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "w", encoding="utf-8") as file:
                json.dump(asdict(draft), file)
            os.replace(new, self.path)

    def last(self) -> Draft | None:
        """What was kept."""
        try:
            with open(self.path, encoding="utf-8") as file:
                found: dict[str, Any] = json.load(file)
            known = {field.name: type(field.default) for field in fields(Draft)}
            values: dict[str, Any] = {name: value for name, value in found.items() if isinstance(value, known.get(name, ()))}
            return replace(Draft(), **values)
        except (OSError, ValueError, TypeError, AttributeError):
            return None

    def forget(self) -> None:
        """It was submitted."""
        with suppress(OSError):
            os.unlink(self.path)
