"""Drafts on disk."""

import json
import os
import resource
import stat
from pathlib import Path

import pytest

from cyclone_core.errors import StateUnusable
from cyclone_tui.wizard.draft import begin, edit
from cyclone_tui.wizard.store import Drafts, resume
from tests.wizard.conftest import HOST, body_of


def test_a_draft_comes_back(tmp_path: Path) -> None:
    """Answers, origins, steps and marks."""
    drafts = Drafts(str(tmp_path / "drafts"))
    draft = drafts.keep(begin("queue", HOST).with_values({"name": "q", "priority": "x"}).seen("Name"))
    kept = drafts.list("queue", "local")[0]
    assert kept.name == "q"
    assert resume(begin("queue", HOST), kept) == draft


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    """Files 0600 in a directory 0700."""
    draft = Drafts(str(tmp_path / "drafts")).keep(begin("queue", HOST).with_value("name", "q"))
    path = tmp_path / "drafts" / f"{draft.key}.json"
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(path.parent).st_mode) == 0o700


def test_secrets_are_not_written(tmp_path: Path) -> None:
    """The variable is left out, the rest is kept, and the field has to be looked at again."""
    drafts = Drafts(str(tmp_path))
    draft = drafts.keep(begin("definition", HOST).with_values({"name": "d", "environment": "A=1,DB_PASSWORD=hunter2,SSH_KEY=hunter2"}))
    assert "hunter2" not in (tmp_path / f"{draft.key}.json").read_text()
    again = resume(begin("definition", HOST), drafts.list()[0])
    assert again.value("environment") == {"A": "1"}
    assert "environment" in again.review


def test_keeping_again_replaces(tmp_path: Path) -> None:
    """One file a draft; forgetting removes it, twice is harmless."""
    drafts = Drafts(str(tmp_path))
    draft = drafts.keep(begin("queue", HOST).with_value("name", "q"))
    draft = drafts.keep(draft.with_value("name", "r"))
    assert [kept.name for kept in drafts.list()] == ["r"]
    drafts.forget(draft.key)
    drafts.forget(draft.key)
    assert drafts.list() == []


def test_a_broken_file_is_no_draft(tmp_path: Path) -> None:
    """Half a file, another version: neither is offered, neither fails."""
    (tmp_path / "queue-1.json").write_text("{")
    (tmp_path / "queue-2.json").write_text('{"version": 99}')
    (tmp_path / "queue-3.json").write_text("[]")
    key = Drafts(str(tmp_path)).keep(begin("queue", HOST).with_value("name", "q")).key
    whole = json.loads((tmp_path / f"{key}.json").read_text())
    (tmp_path / f"{key}.json").write_text(json.dumps({**whole, "entries": {"name": "q"}}))
    (tmp_path / "queue-4.json").write_text(json.dumps({**whole, "entries": 3}))
    assert Drafts(str(tmp_path)).list() == []


def test_a_full_disk_is_told_and_collects_nothing(tmp_path: Path) -> None:
    """The draft of before stays as it was; of the new one nothing is left."""
    drafts = Drafts(str(tmp_path))
    draft = drafts.keep(begin("definition", HOST).with_value("name", "d"))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, limits[1]))
    try:
        with pytest.raises(StateUnusable, match="the draft cannot be kept"):
            drafts.keep(draft.with_value("environment", "A=" + "x" * 4000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [path.name for path in tmp_path.iterdir()] == [f"{draft.key}.json"]
    assert drafts.list()[0].name == "d"


def test_an_update_resumes_on_what_is_stored_now(tmp_path: Path) -> None:
    """Only answers are kept; the rest is the resource as it is."""
    drafts = Drafts(str(tmp_path))
    drafts.keep(edit("queue", HOST, body_of("queue", "fast")).with_value("paused", True))
    newer = edit("queue", HOST, {**body_of("queue", "fast"), "priority": 8})
    again = resume(newer, drafts.list()[0])
    assert (again.value("priority"), again.given()) == (8, {"name": "fast", "paused": True})


def test_last_used_answers_begin_the_next_draft(tmp_path: Path) -> None:
    """Names and addresses that are asked for, per host and kind; never the resource's own name."""
    drafts = Drafts(str(tmp_path))
    drafts.remember(begin("queue", HOST).with_values({"name": "q", "cluster": "big", "priority": 3}))
    assert drafts.last_used(begin("queue", HOST)) == {"cluster": "big"}
    assert drafts.last_used(begin("cluster", HOST)) == {}
