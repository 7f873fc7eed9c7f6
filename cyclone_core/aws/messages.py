"""Message queues of a region, when a host goes: which there are, and deleting them. What is sent and received is the engine's business."""

from cyclone_core.aws.account import Account
from cyclone_core.errors import AwsError

_MISSING = frozenset(("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"))


def queues(account: Account, region: str, prefix: str) -> list[str]:
    """Names of the account's queues that begin so. Raises AwsError."""
    found = account.client("sqs", region).all("ListQueues", "QueueUrls", QueueNamePrefix=prefix)
    return [str(url).rpartition("/")[2] for url in found]


def delete(account: Account, region: str, queue: str) -> bool:
    """Delete a queue with what is in it; whether there was one. Raises AwsError."""
    client = account.client("sqs", region)
    try:
        client.ask("DeleteQueue", QueueUrl=client.ask("GetQueueUrl", QueueName=queue)["QueueUrl"])
    except AwsError as exc:
        if exc.code in _MISSING:
            return False
        raise
    return True
