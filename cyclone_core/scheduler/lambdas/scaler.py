"""Asks AWS Batch for the workers that a host's backlog wants, every minute and when somebody has made work available.

event   {"settle_s": 2}: wait so long first, until what was just made available is counted; anything else: look at once
answer  what was done (`scaling.Report`), which is also a line of the log
"""

import json
import os
import sys
import time
from dataclasses import asdict
from functools import cache
from typing import Any

from cyclone_core import naming
from cyclone_core.aws.lean.client import Aws
from cyclone_core.aws.lean.credentials import Credentials, of_environment
from cyclone_core.aws.patience import Patience
from cyclone_core.errors import CredentialsUnusable
from cyclone_core.scheduler.dynamo.batch_region import BatchRegion
from cyclone_core.scheduler.dynamo.records import Records
from cyclone_core.scheduler.dynamo.scaling import Scaler
from cyclone_core.scheduler.dynamo.table import Table

QUICK = Patience(connect_s=3.0, read_s=10.0, attempts=2, throttled_s=5.0)
"""Of regions: one that is slow keeps no other waiting for long."""
LONGEST_SETTLE_S = 5.0


def handler(event: object, context: object) -> dict[str, Any]:
    """What a scheduled event or whoever asks gets."""
    settle = event.get("settle_s", 0) if isinstance(event, dict) else 0
    time.sleep(min(float(settle), LONGEST_SETTLE_S))
    found = asdict(_scaler(os.environ["CYCLONE_HOST_NAME"], os.environ["AWS_REGION"]).run())
    sys.stdout.write(json.dumps(found) + "\n")
    return found


@cache
def _scaler(host: str, main_region: str) -> Scaler:
    """Kept for the next event, with its connections."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL")
    main = Aws(main_region, _credentials, endpoint)
    records = Records(main, host)

    def region(name: str) -> BatchRegion:
        return BatchRegion(Aws(name, _credentials, endpoint, patience=QUICK), host, name)

    return Scaler(Table(main, naming.jobs_table(host)), records.bodies, region)


def _credentials() -> Credentials:
    found = of_environment()
    if found is None:
        raise CredentialsUnusable("the function has no credentials in its environment. It runs on Lambda only", "NoCredentialsError")
    return found
