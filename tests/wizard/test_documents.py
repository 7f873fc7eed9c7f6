"""Drafts as documents: written, read, and told what is wrong by line."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyclone_tui.cli.groups.tables import resource_record
from cyclone_tui.wizard import documents
from cyclone_tui.wizard.draft import Draft, begin, edit
from tests.wizard.conftest import HOST, SNAPSHOT, body_of


def read(kind: str, text: str) -> Draft:
    """The draft of a document without problems."""
    reading = documents.read(begin(kind, HOST), text)
    assert reading.problems == ()
    return reading.draft


WORDS = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=12)


@given(st.dictionaries(st.from_regex(r"[A-Z]{1,8}", fullmatch=True), WORDS, max_size=4), st.integers(1, 99), st.booleans())
def test_what_is_written_is_read_again(environment: dict[str, str], vcpus: int, privileged: bool) -> None:
    """Whatever the values are: YAML and JSON lead to the same answers."""
    draft = begin("definition", HOST).with_values({"name": "d", "environment": environment, "vcpus": vcpus, "privileged": privileged})
    for text in (documents.to_yaml(draft), documents.to_json(draft)):
        again = read("definition", text)
        assert {spec.name for spec in draft.specs if again.is_changed(spec.name)} == {
            spec.name for spec in draft.specs if draft.is_changed(spec.name)
        }
        assert documents.to_json(again) == documents.to_json(draft)


@pytest.mark.parametrize(
    "text",
    [
        '{"clusters": [{"clusterName": "big", "max_vCPUs": 4, "type": null}]}',
        "cluster:\n  name: big\n  max-vcpus: '4'\n",
        "- cluster_name: big\n  maxVcpus: 4\n",
        'name: big\nmax_vcpus: 4\nstate: ACTIVE\ncreated_at: "2026-01-01T00:00:00Z"\n',
    ],
)
def test_documents_of_others_are_read(text: str) -> None:
    """Files of the earlier system, other spellings, listings."""
    draft = read("cluster", text)
    assert (draft.name, draft.value("max_vcpus")) == ("big", "4")


@pytest.mark.parametrize(
    ("text", "line", "message", "hint"),
    [
        ("name: x\nmax_vcpu: 3\n", "line 2", "max_vcpu is not a known field", "Did you mean max_vcpus?"),
        ("name: x\nname: y\n", "line 2", "name is there twice", "Leave one of them out (the other is in line 1)"),
        ("name: [x\n", "line 2", "it is no YAML: expected ',' or ']', but got '<stream end>'", ""),
        ("name: &a x\nmax_vcpus: *a\n", "line 2", "*a repeats another part", "Write it out: aliases are not read"),
        (
            "name: !!python/object/apply:os.system [ls]\n",
            "line 1",
            "the tag tag:yaml.org,2002:python/object/apply:os.system is not read",
            "",
        ),
        ("just words", "line 1", "it is no document of names and values", "Write lines such as: name: my-name"),
        ("- name: a\n- name: b\n", "line 1", "there are 2 of them, and this is about one", "Leave one of them only"),
    ],
)
def test_problems_name_their_line(text: str, line: str, message: str, hint: str) -> None:
    """What is wrong, where, and what to do."""
    problem = documents.read(begin("cluster", HOST), text).problems[0]
    assert (problem.path, problem.message) == (line, message)
    assert hint in problem.hint


def test_values_stay_as_they_were_written() -> None:
    """YAML's own ideas of `1.10` and `yes` would change variables."""
    draft = read("definition", "name: d\nenvironment:\n  VERSION: 1.10\n  ANSWER: yes\n")
    assert draft.value("environment") == {"VERSION": "1.10", "ANSWER": "yes"}


def test_a_field_left_out_goes_back_to_its_default() -> None:
    """Also for an update: the document is the whole resource."""
    draft = edit("queue", HOST, body_of("queue", "fast"))
    again = documents.read(draft, "name: fast\ncluster: big\n").draft
    assert again.given() == {"name": "fast", "priority": ""}


def test_untouched_document_changes_nothing() -> None:
    """Looking at the YAML is no answer: origins stay."""
    draft = edit("definition", HOST, body_of("definition", "sim"))
    assert documents.read(draft, documents.to_yaml(draft)).draft == draft


@pytest.mark.parametrize(("kind", "name"), [("cluster", "big"), ("queue", "fast"), ("image", "solver"), ("definition", "sim")])
def test_what_a_listing_prints_is_the_resource(kind: str, name: str) -> None:
    """What the host added to it is left out again."""
    stored = next(one for one in SNAPSHOT.resources if (one.kind, one.name) == (kind, name))
    draft = edit(kind, HOST, body_of(kind, name))
    reading = documents.read(draft, json.dumps([resource_record(stored)]))
    assert (reading.problems, reading.draft.given()) == ((), {"name": name})


def test_json_holds_what_differs() -> None:
    """Only that, in the types of the models."""
    assert json.loads(documents.to_json(begin("queue", HOST).with_values({"name": "q", "priority": "7"}))) == {"name": "q", "priority": 7}


def test_defaults_are_comments() -> None:
    """A new document says what can be set, and sets nothing but the name."""
    text = documents.to_yaml(begin("definition", HOST).with_values({"name": "d"}))
    assert [line for line in text.splitlines() if line and line[0] != "#"] == ["name: d"]
    assert "# vcpus: 1  # " in text


@pytest.mark.parametrize(("value", "text"), [(None, ""), ([], ""), ({}, ""), ("as it is", "as it is"), ([{"name": "a"}], "- name: a")])
def test_a_part_is_written_without_a_frame(value: object, text: str) -> None:
    """For the editor of one field."""
    assert documents.fragment(value) == text
