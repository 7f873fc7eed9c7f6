"""Fields of a draft as a form shows them, and what its texts mean."""

import pytest

from cyclone_tui.wizard import form
from cyclone_tui.wizard.draft import Draft, begin, edit
from cyclone_tui.wizard.form import FieldView
from tests.wizard.conftest import AWS, HOST, body_of, world_for


def field(draft: Draft, name: str) -> FieldView:
    """One field of it."""
    return form.view(draft, world_for(draft.kind), next(spec for spec in draft.specs if spec.name == name))


@pytest.mark.parametrize(
    ("name", "placeholder"),
    [
        ("environment", "NAME=VALUE, one a line"),
        ("ulimits", "- name: …\n  soft_limit: …\n  hard_limit: …"),
        ("linux_parameters", "init_process_enabled: …\nshared_memory_size: …"),
        ("user", "none"),
        ("vcpus", "1"),
        ("name", ""),
    ],
)
def test_an_empty_field_says_what_it_takes(name: str, placeholder: str) -> None:
    """Its default, or the shape of what is written there; what must be given has neither."""
    assert field(begin("definition", HOST), name).placeholder == placeholder


def test_help_names_the_parts_of_a_document() -> None:
    """A field of one word has none."""
    assert field(begin("definition", HOST), "mount_points").help.endswith("(YAML: container_path, source_volume, read_only)")
    assert "YAML" not in field(begin("definition", HOST), "vcpus").help


def test_what_can_be_left_out_can_be_chosen_as_such() -> None:
    """With what it comes to then; what always has a value offers its values alone."""
    draft = begin("definition", HOST)
    assert [value for value, _ in field(draft, "working_directory").choices] == ["submit", "worker"]
    assert [value for value, _ in field(draft, "privileged").choices] == ["yes", "no"]
    assert field(begin("region", AWS), "subnet_config").choices[0] == ("", "PRIVATE_WITH_NAT; of an imported network those that it has")
    assert field(begin("cluster", AWS), "type").choices == (("SPOT", ""), ("ONDEMAND", ""))


def test_a_text_means_what_it_was_made_from() -> None:
    """Whatever a field holds: nobody loses anything by opening it."""
    draft = edit("definition", HOST, body_of("definition", "sim")).with_values({"ulimits": [{"name": "nofile", "soft_limit": "10"}]})
    for spec in draft.specs:
        again = draft.with_values({spec.name: form.answer(spec, form.text(draft, spec))})
        assert again.given() == draft.given(), spec.name


@pytest.mark.parametrize(
    ("name", "written", "meant"),
    [
        ("environment", " A = 1 \n\nB=x=y\n", {"A": " 1", "B": "x=y"}),
        ("environment", "A=1\noops", "A=1\noops"),
        ("privileged", "yes", True),
        ("privileged", "perhaps", "perhaps"),
        ("ulimits", "- name: nofile", [{"name": "nofile"}]),
        ("ulimits", "- [", "- ["),
        ("user", "0123", "0123"),
    ],
)
def test_what_means_nothing_is_kept_to_be_corrected(name: str, written: str, meant: object) -> None:
    """And what means something is read."""
    spec = next(spec for spec in begin("definition", HOST).specs if spec.name == name)
    assert form.answer(spec, written) == meant
