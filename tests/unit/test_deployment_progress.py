"""How far a deployment is, from its events: the tree, the phases, what is pinned on top."""

from typing import Any

from cyclone_core.infra.events import Event
from cyclone_core.infra.plan import Change, FieldChange, Plan
from cyclone_core.operations.deployments import Deployment, State
from cyclone_tui.deployment_progress import Failure, Progress, plan_lines, short, took

IMAGE = Change("create", "image", "base", (), {"directory": "/home/ada/base"})
QUEUE = Change("change", "queue", "fast", (FieldChange("priority", 1, 5),))


def event(at: float, kind: str, name: str, phase: Any, text: str = "", **more: Any) -> Event:
    """An event at a second."""
    return Event(at, kind, name, phase, text, **more)


def deployment(state: State, plan: Plan, ended: float | None = None, reason: str = "") -> Deployment:
    """A deployment that began at second 0."""
    return Deployment("local", 7, state, plan, "", "ada@machine", 0.0, ended, reason, "apply", None, None, "", 1)


def progress(*events: Event, plan: tuple[Change, ...] = (QUEUE, IMAGE)) -> Progress:
    """Progress of a plan after some events."""
    made = Progress(Plan(plan))
    made.add(events)
    return made


def rows(made: Progress, state: State = "RUNNING", now: float = 10.0) -> list[tuple[int, str, str, str, str]]:
    """What the tree shows."""
    return [(row.depth, row.sign, row.text, row.word, row.time) for row in made.rows(state, now)]


QUEUED = (event(0, "queue", "fast", "UPDATING"), event(0.5, "queue", "fast", "ACTIVE"), event(1, "image", "base", "CREATING"))


def test_tree_of_one_place() -> None:
    """The region above, resources in the order of the plan, time of what is over and of what goes on."""
    assert rows(progress(*QUEUED)) == [
        (0, "●", "local", "1 of 2", "10s"),
        (1, "✓", "queue fast", "changed", "500ms"),
        (1, "●", "image base", "building", "9s"),
    ]


def test_what_a_dead_deployment_was_doing_is_interrupted() -> None:
    """Its time ends with the last that was heard; what never began is not done."""
    more = Change("create", "definition", "d")
    made = progress(*QUEUED, event(4, "image", "base", "LOG", "step"), plan=(QUEUE, IMAGE, more))
    assert rows(made, "INTERRUPTED", 0)[2:] == [(1, "!", "image base", "interrupted", "3.00s"), (1, "·", "definition d", "not done", "")]


def test_parts_are_listed_while_something_happens_to_them() -> None:
    """Regions in order; a failed part fails what it belongs to; parts of what is done are folded away."""
    plan = tuple(Change("create", "cluster", "big", region=region) for region in ("eu-1", "us-1"))
    made = progress(
        event(0, "cluster", "big", "CREATING", region="eu-1"),
        event(0, "cluster", "big", "CREATING", region="eu-1", part="Queue"),
        event(1, "cluster", "big", "ACTIVE", region="eu-1", part="Queue"),
        event(1, "cluster", "big", "ACTIVE", region="eu-1"),
        event(0, "cluster", "big", "CREATING", region="us-1"),
        event(0, "cluster", "big", "CREATING", region="us-1", part="Queue"),
        event(2, "cluster", "big", "FAILED", "no", region="us-1", part="Queue"),
        plan=plan,
    )
    assert [(depth, sign, text) for depth, sign, text, _, _ in rows(made)] == [
        (0, "✓", "eu-1"), (1, "✓", "cluster big"), (0, "✗", "us-1"), (1, "✗", "cluster big"), (2, "✗", "Queue"),
    ]  # fmt: skip
    assert len(made.rows("RUNNING", 5, opened=frozenset([("eu-1", "cluster", "big", "")]))) == 6


def test_phases() -> None:
    """Building and applying are counted apart; without images nothing is built."""
    assert [(stage.name, stage.sign, stage.count) for stage in progress(*QUEUED).stages("RUNNING")] == [
        ("plan", "✓", ""), ("build", "●", "0/1"), ("apply", "✓", "1/1"), ("done", "○", ""),
    ]  # fmt: skip
    assert [stage.name for stage in progress(plan=(QUEUE,)).stages("SUCCEEDED")] == ["plan", "apply", "done"]
    assert progress(*QUEUED).stages("INTERRUPTED", ascii=True)[-1].name == "interrupted"


def test_signs_of_what_went_wrong_fit_the_terminal() -> None:
    """Each outcome has a sign of its own, and another one where there is only ASCII."""
    last = {state: progress(*QUEUED).stages(state)[-1] for state in ("FAILED", "CANCELLED", "INTERRUPTED", "ROLLED_BACK")}
    plain = [progress(*QUEUED).stages(state, ascii=True)[-1].sign for state in last]
    assert [stage.name for stage in last.values()] == ["failed", "cancelled", "interrupted", "rolled back"]
    assert all(sign.isascii() for sign in plain)
    assert not last["FAILED"].sign.isascii()


def test_first_failure_is_pinned_with_cause_and_remedy() -> None:
    """The first one, however many follow."""
    made = progress(*QUEUED, event(2, "image", "base", "FAILED", "no space"), event(3, "queue", "fast", "FAILED", "because of that"))
    found = made.failure(deployment("FAILED", Plan((QUEUE, IMAGE)), 3, "no space"))
    assert found == Failure("✗ image base failed", "no space", "Correct what is in /home/ada/base, then retry", "failed")


def test_nothing_is_pinned_while_all_is_well() -> None:
    """Nor once it was taken back."""
    made = progress(*QUEUED)
    assert made.failure(deployment("RUNNING", Plan((QUEUE,)))) is None
    assert made.failure(deployment("ROLLED_BACK", Plan((QUEUE,)), 3)) is None
    assert made.failure(deployment("INTERRUPTED", Plan((QUEUE,)), None, "it died")) == Failure(
        "! interrupted", "it died", "1 of 2 resources done. Retry does the rest", "failed"
    )


def test_times() -> None:
    """Whole seconds while it runs, so that nothing moves more than once a second; none where nobody knows."""
    assert took(deployment("RUNNING", Plan()), 3.7) == "3s"
    assert took(deployment("SUCCEEDED", Plan(), 0.004), 99) == "4ms"
    assert took(deployment("INTERRUPTED", Plan()), 99) == ""
    assert short(75) == "1m15s"


def test_plan_in_words() -> None:
    """For questions: a line each, with the first fields of what changes."""
    assert plan_lines(Plan((QUEUE, IMAGE))) == "change queue fast: priority 1 -> 5\ncreate image base"
    assert plan_lines(Plan()).startswith("Nothing has to change")
