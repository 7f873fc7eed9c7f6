"""Asks AWS Batch for the workers that a host's backlog wants, every minute and when somebody has made work available.

    event   with `asked` in it: somebody made work available, which may not be counted yet; anything else: nobody did
    answer  what was done (`scaling.Report`), which is also a line of the log

Its role: the jobs table (read and write), the host's records (ssm:GetParametersByPath); in every region batch:DescribeJobs,
DescribeJobQueues, DescribeComputeEnvironments and ListJobs, which know no resources, SubmitJob on the host's job queues and
definitions, and TerminateJob and TerminateJobs on jobs; of EC2 what `infra.stacks.ec2_rights` lists; and lambda:InvokeFunction on the
router, which it asks to look where weights are missing or older than they should be.
"""

import time
from collections.abc import Collection
from dataclasses import asdict
from functools import cache
from typing import Any

from cyclone_core.aws.lean.client import Aws
from cyclone_core.aws.patience import Patience
from cyclone_core.errors import AwsError
from cyclone_core.scheduler.dynamo import machine_items
from cyclone_core.scheduler.dynamo.batch_region import BatchRegion
from cyclone_core.scheduler.dynamo.ec2_region import Ec2Region
from cyclone_core.scheduler.dynamo.region_driver import BATCH, EC2, ByLaunchType, RegionDriver
from cyclone_core.scheduler.dynamo.scaling import NOTHING, Scaler
from cyclone_core.scheduler.lambdas.asking import Asking
from cyclone_core.scheduler.lambdas.control import control, credentials, say

QUICK = Patience(connect_s=3.0, read_s=10.0, attempts=2, throttled_s=5.0)
"""With regions: one that is slow keeps no other waiting for long."""
LAUNCHES = Patience(connect_s=3.0, read_s=30.0, attempts=2, throttled_s=5.0)
"""With EC2, which answers for a fleet when it has tried every pool: longer than others take, the more instances the longer."""
SETTLE_S, LOOKS_MORE = 2.5, 2
"""Counters follow what is made available by a second or two: what somebody says is there is looked for so often."""
ASK_S = 120.0
"""The router is asked at most so often by one process."""
_asking = Asking(ASK_S)


def handler(event: object, context: object) -> dict[str, Any]:
    """What a scheduled event or whoever asks gets."""
    report = _scaler().run()
    for _ in range(LOOKS_MORE if isinstance(event, dict) and "asked" in event else 0):
        if report.did != NOTHING:
            break
        time.sleep(SETTLE_S)
        report = _scaler().run()
    found = asdict(report) | {"asked_router": _asking.is_due(time.monotonic(), bool(report.stale)) and _ask_router()}
    say("scaled", **found)
    return found


def _ask_router() -> bool:
    try:
        control().ask("router")
    except AwsError as exc:  # it runs each ten minutes anyway
        say("the router could not be asked", why=str(exc))
        return False
    return True


@cache
def _scaler() -> Scaler:
    """Kept for the next event, with its connections."""
    ours = control()

    def region(name: str) -> RegionDriver:
        settings = {"CYCLONE_RETENTION_DAYS": str(ours.retention_s // 86_400)}
        aws = Aws(name, credentials, patience=QUICK)
        batch = BatchRegion(aws, ours.host, name, settings=settings)
        ec2 = Aws(name, credentials, patience=LAUNCHES)
        return ByLaunchType({BATCH: batch, EC2: Ec2Region(ec2, ours.host, name, ours.records.bodies, present, gone)})

    def present() -> dict[str, bool]:
        return {machine.instance: machine.has_worked for machine in machine_items.heard(ours.table, ours.now() / 1000)}

    def gone(instances: Collection[str]) -> None:
        for machine in machine_items.heard(ours.table, ours.now() / 1000):
            if machine.instance in instances:
                machine_items.forget(ours.table, machine)

    return Scaler(ours.table, ours.records.bodies, region, ours.now)
