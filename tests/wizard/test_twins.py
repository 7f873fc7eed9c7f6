"""Command lines of drafts: what the shell and the real command's parser make of them is what the draft says."""

import shlex

import click
from hypothesis import given, settings
from hypothesis import strategies as st

from cyclone_core.resources import MODELS
from cyclone_tui.cli.groups import clusters, definitions, hosts, images, options, queues, regions
from cyclone_tui.wizard import twins
from cyclone_tui.wizard.draft import Draft, begin, edit
from cyclone_tui.wizard.values import normal
from tests.wizard.conftest import AWS, HOST, body_of

GROUPS: dict[str, click.Group] = {
    "clusters": clusters.group, "definitions": definitions.group, "hosts": hosts.group, "images": images.group, "queues": queues.group,
    "regions": regions.group,
}  # fmt: skip
TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=12)
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,6}", fullmatch=True)


def read(draft: Draft) -> dict[str, object]:
    """What the command takes from the line, as the model reads it."""
    _, group, command, *words = shlex.split(twins.line(draft))
    parser = GROUPS[group].commands[command]
    context = parser.make_context(command, list(words))
    typed = options.given_fields(MODELS[draft.kind], context.params)
    return {name: normal(draft.model, name, value) for name, value in typed.items()}


def meant(draft: Draft) -> dict[str, object]:
    """What the draft says."""
    return {name: normal(draft.model, name, value) for name, value in draft.given().items()}


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(NAMES, TEXT, max_size=3), st.integers(1, 10**6), st.floats(0, 1e6), st.booleans(),
    st.lists(st.tuples(NAMES, st.integers(-1, 99)), max_size=2),
)  # fmt: skip
def test_any_definition(environment: dict[str, str], vcpus: int, timeout: float, privileged: bool, limits: list[tuple[str, int]]) -> None:
    """Quotes, commas, signs, JSON: nothing is lost on the way."""
    ulimits = [{"name": "CORE", "soft_limit": soft, "hard_limit": 99} for _, soft in limits]
    values = {"environment": environment, "vcpus": vcpus, "timeout_minutes": timeout, "privileged": privileged, "ulimits": ulimits}
    draft = begin("definition", HOST).with_values({"name": "d", **values})
    assert read(draft) == meant(draft)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.from_regex(r"[a-z0-9.*-]{1,8}", fullmatch=True), min_size=1, max_size=3), st.dictionaries(NAMES, TEXT, max_size=2))
def test_any_cluster_of_an_aws_host(instances: list[str], tags: dict[str, str]) -> None:
    """Lists and pairs."""
    draft = begin("cluster", AWS).with_values({"name": "c", "instance_list": instances, "compute_resources_tags": tags, "type": "ondemand"})
    assert read(draft) == meant(draft)


def test_cleared_fields_of_an_update() -> None:
    """An empty value goes back to the default, in the words of the option."""
    draft = edit("definition", HOST, body_of("definition", "sim")).with_values({"environment": None, "vcpus": "", "cyclone_image_name": ""})
    assert twins.words(draft)[3:] == ["--name", "sim", "--cyclone-image-name", "", "--vcpus", "1", "--environment", "{}"]


def test_a_host_is_named_where_it_is_not_the_selected_one() -> None:
    """For hosts themselves never."""
    assert twins.words(begin("queue", HOST).with_value("name", "q"), "other")[-3:] == ["--host", "other", "--yes"]
    assert "--host" not in twins.words(begin("host", HOST).with_value("name", "q"), "other")


def test_an_unreadable_value_is_shown_as_it_is() -> None:
    """The line of a draft with problems says what was typed."""
    draft = begin("queue", HOST).with_values({"name": "a b", "priority": "x", "paused": "perhaps"})
    assert twins.line(draft) == "hyper queues add-queue --name 'a b' --priority x --paused=perhaps --yes"
