"""Where ministack is joined with what it lacks. It has no doors for that, so this reaches into its insides: the version is pinned exactly.

batch.handle_request                    our Batch in place of one that finishes every job at once
cloudformation.provisioners             handlers of more resource types, and what replaces them; VPCs with their CidrBlock
cloudformation.stacks                   faults before each change; slow resources on threads, so that events come one by one
iam                                     what its simulator says, as the enforcement would
iam_actions                             resources of Batch requests, for policies that name queues; actions that IAM has not
lambda_svc                              records of a stream that a function could not handle come again
"""

import functools
import hashlib
import json
import os
import re
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any
from urllib.parse import unquote

from ministack import app
from ministack.core import iam_actions, iam_evaluator, router
from ministack.core.responses import get_account_id, get_region
from ministack.services import batch, ec2, lambda_svc, tagging
from ministack.services.cloudformation import helpers, provisioners, stacks

from cyclone_core.sandbox import drift, empty_stacks, facts, machine_images, simulation, spot
from cyclone_core.sandbox.batch import validation
from cyclone_core.sandbox.batch.api import Api
from cyclone_core.sandbox.batch.refusal import Refused
from cyclone_core.sandbox.ended_creations import EndedCreations
from cyclone_core.sandbox.faults import FaultFile
from cyclone_core.sandbox.fleets import Fleets
from cyclone_core.sandbox.instances.engine import Engine
from cyclone_core.sandbox.request_resources import ACTIONS, resource_of
from cyclone_core.sandbox.spot import Questions, RefusedQuestion, SpotFile
from cyclone_core.sandbox.stack_principals import Principals
from cyclone_core.sandbox.stacks import roles_anywhere_types
from cyclone_core.sandbox.stacks.batch_types import ComputeEnvironment, JobDefinition, JobQueue, is_replaced
from cyclone_core.sandbox.stacks.network_types import TYPES
from cyclone_core.sandbox.stacks.resource_type import ResourceType
from cyclone_core.sandbox.surroundings import ScopedEc2, trusts

Answer = tuple[int, dict[str, str], bytes]
_RAISED: facts.Raised = {}
"""Quotas that somebody asked to be raised, as long as this sandbox runs."""


def install(api: Api, faults: FaultFile, spot_file: SpotFile, instances: Engine) -> None:
    """Join them; before the first request."""
    fleets = Fleets(instances, faults)
    fleets.install()
    _know_tags(fleets)
    batch.handle_request = functools.partial(_handle_batch, api)
    # ministack's own root keys (`test`, every account number, none at all) need no secret, and that of the configured one is not asked for.
    iam_evaluator.is_root_access_key = lambda key: key == os.environ["AWS_ACCESS_KEY_ID"]
    iam_evaluator._is_root_key = lambda key: False
    # Loopback counts as encrypted: buckets and queues that take TLS only (`aws:SecureTransport`) work as on AWS.
    app.pin_request_origin = lambda address, _: iam_evaluator.pin_request_origin(address, True)
    iam_actions.extract_resource_arn = _with_ours(iam_actions.extract_resource_arn)
    iam_actions.extract_iam_action = _as_iam_has_it(iam_actions.extract_iam_action)
    lambda_svc._execute_function = _with_failed_records(lambda_svc._execute_function)

    def call(operation: str, request: dict[str, Any]) -> dict[str, Any]:
        validation.check(operation, request)
        return api.call((get_account_id(), get_region()), operation, request)

    batch_types: tuple[ResourceType, ...] = (ComputeEnvironment(call), JobQueue(call), JobDefinition(call))
    for batch_type in batch_types:
        _register(batch_type, "map")
    for network_type in TYPES:
        _register(network_type(ScopedEc2()), "list")
    for anywhere_type in roles_anywhere_types.TYPES:
        _register(anywhere_type(lambda: (get_account_id(), get_region())), "list")
    _complete_vpcs()
    _name_by_region()
    helpers._resolve_document = _with_host_style(helpers._resolve_document)
    _tell_facts()
    _tell_spot(spot_file)
    principals = Principals(trusts)
    principals.watch()
    simulation.install()
    machine_images.install(faults)
    drift.install(call)
    empty_stacks.keep()
    ended = EndedCreations()
    ended.watch()
    _put_before_changes(faults, principals, ended)


# -- AWS Batch ---------------------------------------------------------------------------------------------------------
async def _handle_batch(api: Api, method: str, path: str, headers: Any, body: bytes, query_params: dict[str, list[str]]) -> Answer:
    try:
        operation = validation.operation_of(method, path)
        request = _request(path, body, query_params)
        validation.check(operation, request)
        return _json(200, api.call((get_account_id(), get_region()), operation, request), {})
    except Refused as exc:
        return _json(exc.status, {"message": str(exc), "__type": exc.code}, {"x-amzn-ErrorType": exc.code})


def _request(path: str, body: bytes, query_params: dict[str, list[str]]) -> dict[str, Any]:
    try:
        request: dict[str, Any] = json.loads(body or b"{}")
    except ValueError as exc:
        raise Refused(f"The request is no JSON: {exc}") from exc
    if path.startswith("/v1/tags/"):
        request["resourceArn"] = unquote(path.removeprefix("/v1/tags/"))
        request |= {"tagKeys": query_params["tagKeys"]} if "tagKeys" in query_params else {}
    return request


def _json(status: int, body: dict[str, Any], headers: dict[str, str]) -> Answer:
    return status, {"Content-Type": "application/json", **headers}, json.dumps(body).encode()


def _with_ours(original: Callable[..., str]) -> Callable[..., str]:
    def extract(service: str, method: str, path: str, headers: Any, body: bytes, query_params: Any, region: str, account_id: str) -> str:
        ours = resource_of(service, path, body, region, account_id)
        return original(service, method, path, headers, body, query_params, region, account_id) if ours is None else ours

    return extract


def _as_iam_has_it(original: Callable[..., str | None]) -> Callable[..., str | None]:
    def extract(*arguments: Any) -> str | None:
        action = original(*arguments)
        return ACTIONS.get(action, action) if action else action

    return extract


def _know_tags(fleets: Fleets) -> None:
    """Tags of instances, and of what a request makes, for conditions of policies; what many resources take part in is a launch."""
    iam_actions._TAG_MEMBERS = frozenset((*iam_actions._TAG_MEMBERS, "TagSpecifications"))
    original = tagging.resource_tags
    tagging.resource_tags = lambda arn: fleets.tags_of(arn) or original(arn)


# -- Lambda ------------------------------------------------------------------------------------------------------------
def _with_failed_records(original: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """`batchItemFailures` of a stream's records, of which ministack knows nothing: the whole batch comes again."""

    def execute(function: dict[str, Any], event: Any) -> dict[str, Any]:
        result = original(function, event)
        records = (event.get("Records") if isinstance(event, dict) else None) or [{}]
        is_of_stream = records[0].get("eventSource") == "aws:dynamodb"
        body = result.get("body")
        return {**result, "error": True} if is_of_stream and isinstance(body, dict) and body.get("batchItemFailures") else result

    return execute


# -- facts -------------------------------------------------------------------------------------------------------------
def _tell_facts() -> None:
    router.SERVICE_PATTERNS["servicequotas"] = {"target_prefixes": ["ServiceQuotasV20190624"], "host_patterns": [r"servicequotas\."]}
    iam_actions.SERVICE_TO_IAM_NAMESPACE["servicequotas"] = "servicequotas"
    app.SERVICE_HANDLERS["servicequotas"] = _handle_quotas
    ec2._ACTION_MAP["DescribeInstanceTypeOfferings"] = _describe_offerings


async def _handle_quotas(method: str, path: str, headers: dict[str, str], body: bytes, query_params: Any) -> Answer:
    operation = headers.get("x-amz-target", "").rpartition(".")[2]
    try:
        return _json(200, facts.quotas(operation, json.loads(body), get_region(), get_account_id(), _RAISED), {})
    except facts.NoSuchQuota as exc:
        return _json(400, {"__type": "NoSuchResourceException", "Message": str(exc)}, {})


def _describe_offerings(params: dict[str, Any]) -> Any:
    location_type = ec2._p(params, "LocationType") or "region"
    found = facts.offerings(get_region(), location_type, ec2._parse_filters(params))
    items = "".join(
        f"<item><instanceType>{name}</instanceType><locationType>{location_type}</locationType><location>{location}</location></item>"
        for name, location in found
    )
    return ec2._xml(200, "DescribeInstanceTypeOfferingsResponse", f"<instanceTypeOfferingSet>{items}</instanceTypeOfferingSet>")


# -- spot capacity -----------------------------------------------------------------------------------------------------
def _tell_spot(file: SpotFile) -> None:
    accounts: dict[str, Questions] = {}

    def scores(params: dict[str, Any]) -> Any:
        regions = _listed(params, "RegionName") or [get_region()]
        vcpus, is_single = int(ec2._p(params, "TargetCapacity") or 0), ec2._p(params, "SingleAvailabilityZone") == "true"
        asked = accounts.setdefault(get_account_id(), Questions())
        found = asked.scores(file.current(), regions, _listed(params, "InstanceType"), vcpus, is_single, time.time())
        items = "".join(f"<item><region>{region}</region><score>{score}</score></item>" for region, score in found.items())
        return ec2._xml(200, "GetSpotPlacementScoresResponse", f"<spotPlacementScoreSet>{items}</spotPlacementScoreSet>")

    def history(params: dict[str, Any]) -> Any:
        known = list(spot.history(file.current(), get_region(), _listed(params, "InstanceType"), time.time()))
        first, count = int(ec2._p(params, "NextToken") or 0), min(int(ec2._p(params, "MaxResults") or spot.PAGE), spot.PAGE)
        at = time.strftime("%Y-%m-%dT%H:00:00.000Z", time.gmtime())
        items = "".join(
            f"<item><instanceType>{name}</instanceType><productDescription>Linux/UNIX</productDescription><spotPrice>{usd:.6f}</spotPrice>"
            f"<timestamp>{at}</timestamp><availabilityZone>{zone}</availabilityZone></item>"
            for name, zone, usd in known[first : first + count]
        )
        token = str(first + count) if first + count < len(known) else ""
        body = f"<spotPriceHistorySet>{items}</spotPriceHistorySet><nextToken>{token}</nextToken>"
        return ec2._xml(200, "DescribeSpotPriceHistoryResponse", body)

    ec2._ACTION_MAP["GetSpotPlacementScores"] = _or_refused(scores)
    ec2._ACTION_MAP["DescribeSpotPriceHistory"] = _or_refused(history)


def _or_refused(answer: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
    def handle(params: dict[str, Any]) -> Any:
        try:
            return answer(params)
        except RefusedQuestion as exc:
            return ec2._error(exc.code, str(exc), 400)

    return handle


def _listed(params: dict[str, Any], name: str) -> list[str]:
    """`NAME.1`, `NAME.2`, ... of a form."""
    found = ((int(key.rpartition(".")[2]), ec2._p(params, key)) for key in params if re.fullmatch(rf"{name}\.\d+", key))
    return [value for _, value in sorted(found)]


# -- CloudFormation ----------------------------------------------------------------------------------------------------
def _register(resource_type: ResourceType, tags: str) -> None:
    """tags: `map` or `list`, the shape of the type's property `Tags`."""
    name = resource_type.name
    provisioners._RESOURCE_HANDLERS[name] = {
        "create": lambda logical_id, properties, stack_name: resource_type.create(logical_id, properties),
        "update": lambda physical_id, old, new, stack_name, logical_id: resource_type.update(physical_id, old, new, logical_id),
        "update_with_logical_id": True,
        "delete": resource_type.delete,
    }
    provisioners._REPLACING_PROPERTIES[name] = resource_type.replacing
    provisioners._CONDITIONALLY_REPLACING_PROPERTIES[name] = ("ComputeResources", "Type") if name == ComputeEnvironment.name else ()
    provisioners._STACK_TAG_PROPERTY[name] = ("Tags", tags)
    if name == ComputeEnvironment.name:
        provisioners._CUSTOM_NAME_REPLACEMENT[name] = {"name": resource_type.name_property, "requires_replacement": is_replaced}
    elif name == JobQueue.name:
        provisioners._CUSTOM_NAME_REPLACEMENT[name] = {"name": resource_type.name_property}


def _name_by_region() -> None:
    """Names that CloudFormation chooses differ between regions, too: roles of two stacks of one name are two."""
    original = provisioners._physical_name

    def named(stack_name: str, logical_id: str, **options: Any) -> str:
        head, _, suffix = original(stack_name, logical_id, **options).rpartition("-")
        digest = hashlib.sha256(f"{suffix} {get_region()}".encode()).hexdigest()[: len(suffix)]
        return f"{head}-{digest if options.get('lowercase') else digest.upper()}"

    provisioners._physical_name = named


def _complete_vpcs() -> None:
    """`Fn::GetAtt` of a VPC's CidrBlock and its associations."""
    handlers = provisioners._RESOURCE_HANDLERS["AWS::EC2::VPC"]
    for action in ("create", "update"):
        handlers[action] = _with_network(handlers[action])


def _with_network(original: Callable[..., tuple[str, dict[str, Any]]]) -> Callable[..., tuple[str, dict[str, Any]]]:
    def handle(*arguments: Any) -> tuple[str, dict[str, Any]]:
        physical_id, attributes = original(*arguments)
        answer = ScopedEc2().call("DescribeVpcs", {"VpcId.1": physical_id})
        block = answer.findtext(".//vpcSet/item/cidrBlock") or ""
        return physical_id, {**attributes, "CidrBlock": block, "CidrBlockAssociations": [], "Ipv6CidrBlocks": []}

    return handle


_HOST_STYLE = re.compile(r"https?://([a-z0-9.-]+)\.s3[.-][^/]*/(.+)")


def _with_host_style(original: Callable[..., Any]) -> Callable[..., Any]:
    def resolve(params: dict[str, Any], body_key: str, url_key: str, label: str) -> Any:
        found = _HOST_STYLE.fullmatch(str(helpers._p(params, url_key)))
        if found:
            params = {**params, url_key: [f"https://s3.amazonaws.com/{found[1]}/{found[2]}"]}
        return original(params, body_key, url_key, label)

    return resolve


# -- before each change of a resource ----------------------------------------------------------------------------------
_is_forward: ContextVar[bool] = ContextVar("is_forward", default=False)
"""Whether a resource is being changed as asked for; taking changes back goes by the same function."""


def _put_before_changes(faults: FaultFile, principals: Principals, ended: EndedCreations) -> None:
    provision, update, delete, on_thread = (
        stacks._provision_keeping_seed, stacks._update_keeping_seed, stacks._delete_resource, stacks._runs_on_worker_thread,
    )  # fmt: skip

    def provision_after(resource_type: str, logical_id: str, properties: Any, stack_name: str) -> Any:
        ended.check(stack_name)
        principals.check(resource_type, "create", stack_name, properties)
        _change(faults, resource_type, logical_id)
        return provision(resource_type, logical_id, properties, stack_name)

    def update_after(resource_type: str, physical_id: str, old: Any, new: Any, stack_name: str, logical_id: str, *rest: Any) -> Any:
        if old != new:
            principals.check(resource_type, "update", stack_name, new)
            _change(faults, resource_type, logical_id)
        token = _is_forward.set(True)
        try:
            return update(resource_type, physical_id, old, new, stack_name, logical_id, *rest)
        finally:
            _is_forward.reset(token)

    def delete_after(resource_type: str, physical_id: str, properties: Any, stack_name: str = "", logical_id: str = "") -> Any:
        principals.check(resource_type, "delete", stack_name, properties)
        now = faults.current()
        time.sleep(now.delay_of(resource_type, logical_id))
        _fail_if_asked(now.delete_failures, resource_type, logical_id)
        return delete(resource_type, physical_id, properties, stack_name, logical_id)

    take_back = stacks._update_resource

    def take_back_after(resource_type: str, physical_id: str, old: Any, new: Any, stack_name: str, logical_id: str, *rest: Any) -> Any:
        if not _is_forward.get():
            _fail_if_asked(faults.current().rollback_failures, resource_type, logical_id)
        return take_back(resource_type, physical_id, old, new, stack_name, logical_id, *rest)

    stacks._update_resource = take_back_after
    stacks._provision_keeping_seed, stacks._update_keeping_seed = provision_after, update_after
    stacks._delete_resource = delete_after
    waits = (ComputeEnvironment.name,)
    stacks._runs_on_worker_thread = lambda kind: on_thread(kind) or kind in waits or faults.current().slows


def _change(faults: FaultFile, resource_type: str, logical_id: str) -> None:
    now = faults.current()
    time.sleep(now.delay_of(resource_type, logical_id))
    _fail_if_asked(now.failures, resource_type, logical_id)


def _fail_if_asked(failures: Any, resource_type: str, logical_id: str) -> None:
    reason = failures.get(logical_id, failures.get(resource_type))
    if reason is not None:
        raise ValueError(f"Resource handler returned message: {reason} (asked for by the sandbox's faults)")
