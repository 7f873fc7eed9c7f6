"""Copies of machine images in what reviews and deletions show, and what templates say of them."""

from cyclone_core.infra import machine_images
from cyclone_core.infra.machine_images import ImageChange
from cyclone_core.infra.plan import Plan
from cyclone_core.infra.stack_plans import Details
from cyclone_tui.wizard import stack_telling

COPY = ImageChange("copy", "us-east-1", "golden", "ami-1", "eu-west-1", 8, True)
GONE = ImageChange("delete", "us-east-1", "golden", "ami-0", "eu-west-1")


def test_a_review_and_a_deletion_name_copies() -> None:
    """With where from and to, how large, and that it stays encrypted."""
    lines = ["".join(text for text, _ in line) for line in stack_telling.lines(Plan(), Details(images=(COPY, GONE)), ascii=True)]
    told = "copy machine image golden (ami-1) from eu-west-1 to us-east-1: takes minutes; 8 GiB of snapshots, which are charged"
    assert any(f"{told}, encrypted as it is" in line for line in lines)
    assert stack_telling.removal(Details(images=(GONE,))) == [GONE.text]


def test_a_template_reads_the_id_of_a_copy_where_the_deployer_writes_it() -> None:
    """An image that is there is named by its id."""
    assert machine_images.reference("grid", "ami-1") == "ami-1"
    copy = machine_images.copy_of("ami-1")
    assert machine_images.reference("grid", copy) == f"{{{{resolve:ssm:{machine_images.parameter('grid', 'ami-1')}}}}}"


def test_a_change_says_what_it_is_about() -> None:
    """A copy that is made has a body, one that goes had one; both are named by name and source."""
    made, gone = machine_images.as_change(COPY), machine_images.as_change(GONE)
    assert (made.action, made.name, gone.action, gone.name) == ("create", "golden (ami-1)", "delete", "golden (ami-0)")
    assert [machine_images.body_of(change)["source"] for change in (made, gone)] == ["ami-1", "ami-0"]
