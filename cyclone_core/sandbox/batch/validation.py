"""Requests against AWS's own description of the Batch API (botocore's service model): what its front door refuses."""

import functools
from typing import Any

from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

from cyclone_core.sandbox.batch.catalogue import Body
from cyclone_core.sandbox.batch.refusal import Refused


@functools.cache
def _model() -> Any:
    return ServiceModel(Loader().load_service_model("batch", "service-2"), "batch")


@functools.cache
def _by_path() -> dict[str, str]:
    """`/v1/submitjob` -> `SubmitJob`."""
    return {_model().operation_model(name).http["requestUri"]: name for name in _model().operation_names if not name.startswith("Tag")}


def operation_of(method: str, path: str) -> str:
    """The operation that a request is for. Raises Refused."""
    if path.startswith("/v1/tags/"):
        return {"GET": "ListTagsForResource", "POST": "TagResource", "DELETE": "UntagResource"}.get(method, "")
    found = _by_path().get(path.rstrip("/").lower())
    if found is None:
        raise Refused(f"Unsupported Batch path: {path}")
    return found


def check(operation: str, request: Body) -> None:
    """Members that are missing, unknown or of another type. Raises Refused."""
    report = ParamValidator().validate(request, _model().operation_model(operation).input_shape)
    if report.has_errors():
        raise Refused(" ".join(report.generate_report().splitlines()))
