"""Credentials that a program of the user's prints: https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html."""

from cyclone_core.aws.lean import jsons
from cyclone_core.aws.lean.credentials import Credentials, of_answer
from cyclone_core.errors import CredentialsUnusable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cyclone_core.aws.credentials import Source

_LONGEST_S = 60.0


def of_process(command: str, source: "Source") -> Credentials:
    """What a profile's `credential_process` prints. Raises CredentialsUnusable, with the first line of what it says on failure."""
    import shlex
    import subprocess

    try:
        done = subprocess.run(shlex.split(command), stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=_LONGEST_S)
        why = done.stderr.decode("utf-8", "replace").strip().split("\n")[0] if done.returncode else ""
        if not done.returncode:
            printed = jsons.loads(done.stdout)
            if isinstance(printed, dict) and printed.get("Version") == 1:
                return of_answer(printed, "SecretAccessKey", "SessionToken")
            why = "it printed no credentials of version 1"
    except subprocess.TimeoutExpired:
        why = f"it has not ended after {_LONGEST_S:.0f} s"
    except OSError as exc:
        why = f"it cannot be started: {exc.strerror}"
    except (ValueError, KeyError, TypeError):  # its output may hold keys: it is not shown
        why = "it printed no credentials, or its command line has an open quote"
    raise CredentialsUnusable(f"{source.words} cannot be used: credential_process: {why or 'it failed'}. {source.remedy}", "ProcessFailed")
