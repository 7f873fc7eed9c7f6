"""What Batch answers to a request that it does not take."""


class Refused(Exception):
    """A ClientException of AWS Batch; its text is the message."""

    code = "ClientException"
    status = 400


class TooManyRequests(Refused):
    """More requests in a second than AWS Batch takes."""

    code = "TooManyRequestsException"
    status = 429


def not_there(kind: str, reference: str) -> Refused:
    """kind: as AWS names it, `Job queue`."""
    return Refused(f"{kind} {reference} does not exist.")
