"""How drift is told on the screen and by commands."""

from cyclone_core.aws.drift import Difference, DriftedResource
from cyclone_core.operations.drift import Drift
from cyclone_tui import drift_columns as looks

QUEUE = DriftedResource("JobQueue", "AWS::Batch::JobQueue", "e2e--big", "MODIFIED", (Difference("Priority", "1", "7"),))
GONE = DriftedResource("Record", "AWS::SSM::Parameter", "/cyclone/x", "DELETED")
FOUND = [
    Drift("cluster", "big", "us-east-1", "x--cluster-big", (QUEUE, GONE)),
    Drift("queue", "fast", "us-east-1", "x--queue-fast"),
    Drift("region", "eu-west-1", "eu-west-1", "x--region", unknown="AccessDenied"),
]


def test_a_row_for_each_property_and_for_what_is_gone_or_unknown() -> None:
    """With what was expected and what is there."""
    told = [(row.resource, row.what, row.path, row.expected, row.actual) for row in looks.rows(FOUND)]
    assert told == [
        ("cluster big", "Batch::JobQueue JobQueue", "Priority", "1", "7"),
        ("cluster big", "SSM::Parameter Record", "", "/cyclone/x", "deleted"),
        ("region eu-west-1", "x--region", "", "", "not looked at: AccessDenied"),
    ]
    assert [drift.state for drift in FOUND] == ["drifted", "in sync", "unknown"]


def test_what_came_of_it_in_a_sentence() -> None:
    """How many differ, how many could not be looked at, and the key; or that all is well."""
    assert "somebody changed 1 of them beside Cyclone, 1 could not be looked at entirely. m puts it back" in looks.heading(FOUND)
    assert looks.heading(FOUND[1:2]) == "1 stack compared: everything is as Cyclone made it"


def test_commands_tell_the_same_line_by_line() -> None:
    """For people: expected and actual; for programs: everything."""
    assert list(FOUND[0].lines()) == [
        "AWS::Batch::JobQueue JobQueue: Priority: expected 1, actual 7",
        "AWS::SSM::Parameter Record: deleted (/cyclone/x)",
    ]
    assert FOUND[0].record()["resources"][0]["differences"] == ({"path": "Priority", "expected": "1", "actual": "7"},)
