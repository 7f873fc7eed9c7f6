"""What a function of the control plane works with: made once per process, from what its environment says.

The environment is that of Lambda (AWS_REGION, credentials of the function's role) and what the host's stack adds: CYCLONE_HOST_NAME,
CYCLONE_BUCKET, CYCLONE_RETENTION_DAYS. Functions use the lean client: they start in a third of the time that AWS's own library takes.
"""

import json
import os
import sys
import time
from functools import cache

from cyclone_core import naming
from cyclone_core.aws.lean.client import Aws
from cyclone_core.aws.lean.credentials import Credentials, of_environment
from cyclone_core.errors import CredentialsUnusable
from cyclone_core.scheduler.dynamo.queues import Lanes
from cyclone_core.scheduler.dynamo.records import Records
from cyclone_core.scheduler.dynamo.table import Table

_DAY_S = 86_400


class Control:
    """The main region of one host, as its functions reach it."""

    def __init__(self, host: str, aws: Aws, bucket: str = "", retention_days: int = 30) -> None:
        self.host, self.aws, self.bucket, self.retention_s = host, aws, bucket, retention_days * _DAY_S
        self.table = Table(aws, naming.jobs_table(host))
        self.lanes = Lanes(aws, host)
        self.records = Records(aws, host)

    def now(self) -> int:
        """Milliseconds since 1970."""
        return int(time.time() * 1000)

    def ask(self, what: str) -> None:
        """Let another function run now, such as the scaler; it is not waited for. Raises AwsError."""
        self.aws.invoke(naming.function(self.host, what), {"asked": True})


@cache
def control() -> Control:
    """That of this function's environment."""
    environment = os.environ
    aws = Aws(environment["AWS_REGION"], credentials)
    return Control(
        environment["CYCLONE_HOST_NAME"], aws, environment.get("CYCLONE_BUCKET", ""), int(environment.get("CYCLONE_RETENTION_DAYS", "30"))
    )


def say(what: str, **facts: object) -> None:
    """A line of the function's log, as JSON."""
    sys.stdout.write(json.dumps({"what": what, **facts}, default=str) + "\n")


def credentials() -> Credentials:
    """Those of the function's role. Raises CredentialsUnusable."""
    found = of_environment()
    if found is None:
        raise CredentialsUnusable("a function has no credentials in its environment: Lambda puts those of its role there. Look at its role")
    return found
