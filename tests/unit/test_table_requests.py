"""What DynamoDB refuses and the sandbox does not is never asked."""

from typing import Any

from cyclone_core.scheduler.dynamo.table import Table


class Recorder:
    """DynamoDB without items that keeps what it is asked."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def dynamodb(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """Nothing is there."""
        self.asked.append(parameters)
        return {"Responses": {}}


def test_keys_and_attributes_are_named_once_in_a_batch() -> None:
    """`Provided list of item keys contains duplicates` and `Two document paths overlap` are DynamoDB's words for anything else."""
    aws = Recorder()
    Table(aws, "jobs").batch_get([("J#1", "JOB"), ("J#2", "JOB"), ("J#1", "JOB")], fields=("pk", "x"))
    (asked,) = aws.asked
    told = asked["RequestItems"]["jobs"]
    assert [key["pk"]["S"] for key in told["Keys"]] == ["J#1", "J#2"]
    assert told["ProjectionExpression"] == "#pk, #sk, #x"
