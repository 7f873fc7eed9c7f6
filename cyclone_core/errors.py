"""Every exception that Cyclone raises on purpose.

    CycloneError                    exit code 1: refused, with what, why and what to do
    ├── UsageError                  exit code 2: the command line itself is wrong
    ├── InvalidRequest              one or many problems in what was asked (`problems`)
    ├── NotFound                    a job, host or resource that does not exist
    ├── HostUnavailable             the host's supervisor or service does not answer
    ├── NotYet                      it is being found out: ask again in a moment
    ├── StateUnusable               the state directory or database cannot be used (version, filesystem, rights)
    │   └── StorageFull             there is no room left for what must be durable
    ├── EngineMissing               no docker or podman is here, or it does not answer
    ├── AwsError                    AWS refused a request, or could not be asked (`code`: its own word for it)
    │   ├── CredentialsUnusable     there are none, they have expired, or the account is another one
    │   ├── AccessDenied            the caller lacks a right (`action`)
    │   └── RegionUnavailable       a region is not enabled, or does not answer
    ├── BuildFailed                 an image could not be built, pulled or tagged
    └── MissingExtra                the command needs an optional part that is not installed

Messages read: what happened: why. What to do next.
"""

from cyclone_core.problems import Problem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


class CycloneError(Exception):
    """Base of all of them; its text is shown to the user as it is."""

    exit_code = 1


class UsageError(CycloneError):
    """The command line cannot be understood."""

    exit_code = 2


class InvalidRequest(CycloneError):
    """What was asked is wrong; `problems` holds every reason."""

    def __init__(self, problems: "Sequence[Problem]") -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = list(problems)


class NotFound(CycloneError):
    """Something named does not exist."""


class HostUnavailable(CycloneError):
    """The host's control plane does not answer and could not be started."""


class NotYet(CycloneError):
    """What was asked is being found out in the background; the next question may have an answer."""


class StateUnusable(CycloneError):
    """The state directory or the database in it cannot be used."""


class StorageFull(StateUnusable):
    """The disk (or a quota on it) is full."""


class EngineMissing(CycloneError):
    """No container engine is on this machine, or it does not answer."""


class AwsError(CycloneError):
    """AWS refused a request, or could not be asked."""

    def __init__(self, message: str, code: str = "", action: str = "") -> None:
        """code: AWS's word for it, such as ValidationError; action: the IAM action that was asked for, such as s3:PutObject."""
        super().__init__(message)
        self.code, self.action = code, action
        self.answer: dict[str, object] = {}
        """What a refusal told besides, as AWS's JSON: the `Item` of a failed condition, the `CancellationReasons` of a transaction."""


class CredentialsUnusable(AwsError):
    """There are no credentials, they have expired, or they belong to another account."""


class AccessDenied(AwsError):
    """The caller lacks a right."""


class RegionUnavailable(AwsError):
    """A region is not enabled for the account, or does not answer."""


class BuildFailed(CycloneError):
    """A container image could not be built, pulled or tagged; the text is the engine's last words."""


class MissingExtra(CycloneError):
    """An optional part is needed: the message names the command that installs it."""
