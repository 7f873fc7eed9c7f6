"""Not there yet."""

from typing import Any

from cyclone_core.scheduler.lambdas.control import control, say


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Nothing is done."""
    say("called", host=control().host, records=len(event.get("Records") or ()))
    return {"batchItemFailures": []}
