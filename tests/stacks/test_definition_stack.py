"""The stack of a definition: what its workers may do, and where they log."""

from typing import Any

from cyclone_core.infra.synth import Synthesizer
from tests.stacks.bodies import ACCOUNT, MAIN, definition, target


def template(synthesizer: Synthesizer, region: str = MAIN, **fields: Any) -> dict[str, Any]:
    """Resources of a definition's stack."""
    wanted = target("definition", definition(**fields), region)
    resources: dict[str, Any] = synthesizer.templates([wanted])[wanted.key].body["Resources"]
    return resources


def allowed(role: dict[str, Any]) -> dict[str, Any]:
    """Action -> resource of a role's own policy."""
    statements = role["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    return {action: each["Resource"] for each in statements for action in each["Action"]}


def test_workers_take_work_in_the_main_region(synthesizer: Synthesizer) -> None:
    """Wherever they are: messages and table of this host alone."""
    found = allowed(template(synthesizer, "eu-west-1")["JobRole"])
    assert found["sqs:DeleteMessage"] == f"arn:aws:sqs:{MAIN}:{ACCOUNT}:grid--*"
    assert found["dynamodb:UpdateItem"] == f"arn:aws:dynamodb:{MAIN}:{ACCOUNT}:table/grid--jobs"
    assert found["s3:PutObject"] == f"arn:aws:s3:::grid--data-{ACCOUNT}-{MAIN}/*"


def test_only_the_definitions_image_may_be_pulled(synthesizer: Synthesizer) -> None:
    """From an account's registry; others ask for no rights."""
    own = allowed(template(synthesizer, image_uri=None, cyclone_image_name="worker")["ExecutionRole"])
    assert own["ecr:BatchGetImage"] == f"arn:aws:ecr:{MAIN}:{ACCOUNT}:repository/grid/images"
    assert {*allowed(template(synthesizer)["ExecutionRole"])} == {"logs:CreateLogStream", "logs:PutLogEvents"}
    assert "ExecutionRole" not in template(synthesizer, log_driver="SYSLOG")


def test_the_log_group_is_there_first(synthesizer: Synthesizer) -> None:
    """Of limited age, gone with the definition, and none where the log is elsewhere."""
    resources = template(synthesizer)
    assert resources["JobDefinition"]["Properties"]["ContainerProperties"]["LogConfiguration"]["Options"]["awslogs-group"] == {
        "Ref": "Logs"
    }
    assert (resources["Logs"]["DeletionPolicy"], resources["Logs"]["Properties"]["RetentionInDays"]) == ("Delete", 30)
    elsewhere = template(synthesizer, log_options={"awslogs-group": "ours", "awslogs-region": "eu-west-1", "awslogs-create-group": "true"})
    assert "Logs" not in elsewhere
    rights = allowed(elsewhere["ExecutionRole"])
    assert set(rights) == {"logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"}
    assert set(rights.values()) == {f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:ours:*"}


def test_roles_are_for_tasks_of_this_account(synthesizer: Synthesizer) -> None:
    """Not for what another account makes ECS do."""
    for name in ("JobRole", "ExecutionRole"):
        (trust,) = template(synthesizer)[name]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Principal"] == {"Service": "ecs-tasks.amazonaws.com"}
        assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT}}


def test_a_queue_is_its_record(synthesizer: Synthesizer) -> None:
    """What is submitted to it goes to the job queues of its cluster."""
    wanted = target("queue", {"name": "fast", "cluster": "default"})
    resources = synthesizer.templates([wanted])[wanted.key].body["Resources"]
    assert [each["Properties"]["Name"] for each in resources.values()] == ["/cyclone/grid/queue/fast"]
