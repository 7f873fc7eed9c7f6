"""Reads a parameter of another region for CloudFormation: the custom resource of `infra.stacks.lookup`.

It is inline code, so it has 4 KiB at most. The parameter may be a moment away, and so may the rights to read it.
"""

import json
import logging
import time
import urllib.request
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import get_session

QUICK = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 3})
PASSING = ("ParameterNotFound", "AccessDeniedException")


def handler(event: dict[str, Any], context: object) -> None:
    """Create and update read it, delete does nothing; each is answered."""
    wanted = event["ResourceProperties"]
    answer = {key: event[key] for key in ("StackId", "RequestId", "LogicalResourceId")}
    answer["PhysicalResourceId"] = wanted["Region"] + ":" + wanted["Parameter"]
    try:
        data = {} if event["RequestType"] == "Delete" else {"Value": read(wanted)}
        answer |= {"Status": "SUCCESS", "Data": data}
    except (BotoCoreError, ClientError, KeyError, ValueError) as exc:
        reason = f"cannot read parameter {wanted['Parameter']} of {wanted['Region']}: {exc}"
        answer |= {"Status": "FAILED", "Reason": reason[:1000]}
        logging.error(reason)
    send(event["ResponseURL"], answer)


def read(wanted: dict[str, str]) -> str:
    """The value, waited for."""
    ssm = get_session().create_client("ssm", region_name=wanted["Region"], config=QUICK)
    until = time.monotonic() + float(wanted["WaitSeconds"])
    while True:
        try:
            return str(ssm.get_parameter(Name=wanted["Parameter"])["Parameter"]["Value"])
        except ClientError as exc:
            if exc.response["Error"]["Code"] not in PASSING or time.monotonic() >= until:
                raise
        time.sleep(2)


def send(url: str, answer: dict[str, Any]) -> None:
    """CloudFormation's link is signed for no content type."""
    request = urllib.request.Request(url, json.dumps(answer).encode(), {"Content-Type": ""}, method="PUT")
    urllib.request.urlopen(request, timeout=20).close()
