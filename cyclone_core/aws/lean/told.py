"""Refusals and silence as Cyclone's errors, in the words of `aws.words`, which is loaded when something has really failed."""

import os

from cyclone_core.errors import AwsError, CredentialsUnusable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cyclone_core.aws.credentials import Source
    from cyclone_core.aws.lean.links import NoAnswer
    from cyclone_core.aws.lean.refusals import Refusal
    from cyclone_core.aws.lean.requests import Request
    from cyclone_core.aws.lean.sender import Sender

_EXPECTED = frozenset((
    "ConditionalCheckFailedException", "InvalidRange", "NoSuchKey", "ParameterNotFound", "QueueDoesNotExist", "ReceiptHandleIsInvalid",
    "ResourceNotFoundException", "TransactionCanceledException",
))  # fmt: skip
"""Codes that callers ask for: no words are looked for, which would cost the first of them 10 ms."""


def of_refusal(what: "Refusal", request: "Request", sender: "Sender") -> AwsError:
    """What a refusal means to a user."""
    if what.code in _EXPECTED:
        about = f"{request.service} in {sender.region} refused {request.operation}: {what.message or what.code}".rstrip(".")
        made = AwsError(about, what.code, f"{request.service}:{request.operation}")
    else:
        from cyclone_core.aws import words

        refused = words.Refused(what.code, what.message, what.status)
        asked = words.Asked(request.service, request.operation, sender.region)
        enabled = not (refused.doubts_keys and words.is_opt_in(sender.region)) or not _works_elsewhere(sender)
        made = words.of_refusal(refused, asked, source_of(sender), "", enabled)
    made.answer = what.answer
    return made


def of_silence(what: "NoAnswer", request: "Request", sender: "Sender") -> AwsError:
    """What it means to a user that there was no answer."""
    from cyclone_core.aws import words

    asked = words.Asked(request.service, request.operation, sender.region)
    return words.of_silence(what.code, words.clean(what.why or what.code), asked, source_of(sender))


def of_another_account(found: str, wanted: str, sender: "Sender") -> CredentialsUnusable:
    """The credentials are well, but not those of the account that is meant."""
    what = f"{source_of(sender).words} belong to account {found}, and account {wanted} is wanted"
    return CredentialsUnusable(f"{what}. Use those of a profile of that account: export AWS_PROFILE=NAME", "WrongAccount")


def source_of(sender: "Sender") -> "Source":
    """Where a sender's credentials come from."""
    from cyclone_core.aws.credentials import Source

    found: Source | None = getattr(sender.credentials, "source", None)
    if found is not None:
        return found
    return Source("machine" if "AWS_EXECUTION_ENV" in os.environ or "AWS_LAMBDA_FUNCTION_NAME" in os.environ else "environment")


def _works_elsewhere(sender: "Sender") -> bool:
    """Whether keys that a region does not know are known in one that nobody has to enable."""
    try:
        sender.beside("us-east-1").identity()
    except AwsError:
        return False
    return True
