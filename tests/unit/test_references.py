"""Rules between resources: what must exist when one is stored, what must not use it when one is deleted."""

import pytest

from cyclone_core.scheduler import references

EXISTING = {
    "cluster": {"default": {"name": "default", "max_vcpus": 2, "max_memory_mib": 4096}},
    "queue": {"default": {"name": "default", "cluster": "default"}},
    "image": {"base": {"name": "base"}},
    "definition": {"default": {"name": "default"}, "boxed": {"name": "boxed", "cyclone_image_name": "base"}},
    "region": {"local": {"name": "local"}},
}


def messages(problems: list[references.Problem]) -> str:
    """All problems as one text."""
    return "\n".join(map(str, problems))


def test_queue_on_a_missing_cluster_names_the_nearest() -> None:
    """A mistyped cluster is refused with the one that was meant."""
    found = references.check_put("queue", {"name": "fast", "cluster": "defualt"}, EXISTING)
    assert messages(found) == "queues[fast].cluster: there is no cluster 'defualt'. Did you mean 'default'?"


def test_definition_without_an_image_needs_none() -> None:
    """A reference that is not set is not followed."""
    assert references.check_put("definition", {"name": "plain", "cyclone_image_name": None}, EXISTING) == []


@pytest.mark.parametrize(("field", "value"), [("vcpus", 3), ("memory_limit_mib", 5000)])
def test_definition_larger_than_every_cluster_is_refused(field: str, value: int) -> None:
    """It could never run; the remedy names the option that enlarges a cluster."""
    assert "do not fit any cluster" in messages(references.check_put("definition", {"name": "big", field: value}, EXISTING))


@pytest.mark.parametrize(
    ("mode", "name", "refused"),
    [("create", "default", True), ("update", "other", True), ("any", "default", False), ("any", "other", False)],
)
def test_modes_decide_about_the_name(mode: str, name: str, refused: bool) -> None:
    """create wants a free name, update a taken one, any does not care."""
    assert bool(references.check_put("cluster", {"name": name}, EXISTING, mode)) is refused


@pytest.mark.parametrize("name", ["", "a b", "ä", "x" * 129, "a/b", "a\n", ".", ".."])
def test_bad_names_are_refused(name: str) -> None:
    """Names are 1 to 128 letters, digits, dots, underscores and hyphens."""
    assert references.check_put("cluster", {"name": name}, EXISTING)


def test_every_problem_is_told_at_once() -> None:
    """A definition with a missing image that also does not fit has two problems."""
    found = references.check_put("definition", {"name": "d", "cyclone_image_name": "bas", "vcpus": 9}, EXISTING)
    assert [problem.path for problem in found] == ["definitions[d].cyclone_image_name", "definitions[d].vcpus"]


def test_cluster_with_queues_is_not_deleted_under_them() -> None:
    """The problem names the queues and both ways out."""
    text = messages(references.check_delete("cluster", "default", EXISTING, {}))
    assert "1 queue still uses it: default" in text
    assert "update-queue" in text


def test_image_of_a_definition_is_not_deleted() -> None:
    """A definition keeps its image."""
    assert "boxed" in messages(references.check_delete("image", "base", EXISTING, {}))


@pytest.mark.parametrize("kind", ["queue", "definition"])
def test_open_jobs_keep_what_they_use(kind: str) -> None:
    """A queue or definition with unfinished jobs stays, and without them it goes."""
    assert "3 jobs in it are not finished" in messages(references.check_delete(kind, "default", EXISTING, {(kind, "default"): 3}))
    assert references.check_delete(kind, "default", EXISTING, {}) == []


def test_the_local_region_stays() -> None:
    """It is this machine."""
    assert references.check_delete("region", "local", EXISTING, {})


def test_deleting_what_is_not_there_names_the_nearest() -> None:
    """A mistyped name is told as such."""
    assert "Did you mean 'default'?" in messages(references.check_delete("queue", "defalt", EXISTING, {}))
