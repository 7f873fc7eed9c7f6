"""EC2's fleets in ministack, which has none: CreateFleet of type `instant`, and what other operations say of its instances.

Launch templates, subnets and roles are ministack's; what runs is `instances.engine`'s. Instances that somebody else made with RunInstances
stay as they were.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import uuid4
from xml.sax.saxutils import escape

from ministack.core.responses import get_account_id, get_region
from ministack.services import ec2, iam

from cyclone_core.prices import table as prices
from cyclone_core.sandbox.faults import FaultFile
from cyclone_core.sandbox.instances import pools
from cyclone_core.sandbox.instances.engine import Engine, Instance, new_id, variables
from cyclone_core.sandbox.instances.pools import Lack, Pool

Parameters = Mapping[str, Any]
Handler = Callable[[Any], Any]
_SPOT, _ON_DEMAND = "spot", "on-demand"
_PURCHASES = {_SPOT: "SPOT", _ON_DEMAND: "EC2"}
"""As faults name them."""
_MOST_IN_FLEET = 500


class Fleets:
    """The operations."""

    def __init__(self, engine: Engine, faults: FaultFile) -> None:
        self._engine, self._faults = engine, faults
        self._answers: dict[tuple[str, str, str], Any] = {}
        """(account, region, client token) -> what was answered"""

    def install(self) -> None:
        """Answer in place of ministack; before the first request."""
        actions = ec2._ACTION_MAP
        actions["CreateFleet"] = self._create
        actions["DescribeInstances"] = self._with_ours(actions["DescribeInstances"])
        actions["TerminateInstances"] = self._terminating(actions["TerminateInstances"])

    # -- CreateFleet -----------------------------------------------------------------------------------------------------
    def _create(self, parameters: Parameters) -> Any:
        key = (get_account_id(), get_region(), str(ec2._p(parameters, "ClientToken") or uuid4()))
        if key not in self._answers:
            self._answers[key] = self._launched(parameters)
        return self._answers[key]

    def _launched(self, parameters: Parameters) -> Any:
        if ec2._p(parameters, "Type") != "instant":
            return ec2._error("InvalidParameterValue", "The sandbox has fleets of type instant only.", 400)
        spec = "LaunchTemplateConfigs.1.LaunchTemplateSpecification"
        name = str(ec2._p(parameters, f"{spec}.LaunchTemplateName"))
        data = _template(name, str(ec2._p(parameters, f"{spec}.Version")))
        if data is None:
            message = f"The specified launch template, with template name {name}, does not exist."
            return ec2._error("InvalidLaunchTemplateName.NotFoundException", message, 400)
        asked = _pools(parameters)
        unknown = next((pool.subnet for pool in asked if pool.subnet not in ec2._subnets), None)
        if not asked or unknown:
            return ec2._error("InvalidSubnetID.NotFound", f"The subnet ID '{unknown}' does not exist", 400)
        purchase = str(ec2._p(parameters, "TargetCapacitySpecification.DefaultTargetCapacityType") or _ON_DEMAND)
        units = float(ec2._p(parameters, "TargetCapacitySpecification.TotalTargetCapacity"))
        fleet, made = f"fleet-{uuid4()}", list[Instance]()
        zones = {pool.subnet: str(ec2._subnets[pool.subnet].get("AvailabilityZone", f"{get_region()}a")) for pool in asked}
        most = min(_MOST_IN_FLEET, self._engine.most - self._engine.count)
        lacks: Sequence[Lack] = ()
        if most <= 0 or self._faults.current().starves(get_region(), name, _PURCHASES.get(purchase, "")):
            lacks = list(pools.lacking(asked, zones))
        else:
            found = pools.picked(asked, units, most)
            made = [self._instance(fleet, pool, zones[pool.subnet], purchase == _SPOT, data, _tags(parameters, data)) for pool in found]
        for each in made:
            self._engine.launch(each)
        return _fleet_answer(fleet, made, lacks, purchase)

    def _instance(self, fleet: str, pool: Pool, zone: str, is_spot: bool, data: Mapping[str, Any], tags: Mapping[str, str]) -> Instance:
        profile = str((data.get("IamInstanceProfile") or {}).get("Arn", ""))
        facts = prices.facts(pool.instance_type)
        told = variables(_plain(data.get("UserData", "")))
        if facts is not None:
            memory_mib = facts.memory_mib - max(256, facts.memory_mib // 24)
            told = {**told, "CYCLONE_VCPUS": str(facts.vcpus), "CYCLONE_MEMORY_MIB": str(memory_mib)}
        return Instance(
            new_id(), (get_account_id(), get_region()), fleet, pool, zone, is_spot, str(data.get("ImageId", "")),
            {**tags, "aws:ec2:fleet-id": fleet}, profile, _role_of(profile), told,
        )  # fmt: skip

    # -- other operations ------------------------------------------------------------------------------------------------
    def _with_ours(self, original: Handler) -> Handler:
        def describe(parameters: Parameters) -> Any:
            ids, filters = ec2._parse_member_list(parameters, "InstanceId"), ec2._parse_filters(parameters)
            ours = [each for each in self._mine() if (not ids or each.id in ids) and _matches(each, filters)]
            known = {each.id for each in self._mine()}
            if ids and all(each in known for each in ids):
                return ec2._xml(200, "DescribeInstancesResponse", f"<reservationSet>{_reservations(ours)}</reservationSet>")
            status, headers, body = original(parameters)
            text = body.decode() if isinstance(body, bytes) else body
            return status, headers, text.replace("</reservationSet>", f"{_reservations(ours)}</reservationSet>").encode()

        return describe

    def _terminating(self, original: Handler) -> Handler:
        def terminate(parameters: Parameters) -> Any:
            ids, known = ec2._parse_member_list(parameters, "InstanceId"), {each.id for each in self._mine()}
            if not ids or not all(each in known for each in ids):
                return original(parameters)
            self._engine.terminate(ids)
            items = "".join(f"<item><instanceId>{each}</instanceId></item>" for each in ids)
            return ec2._xml(200, "TerminateInstancesResponse", f"<instancesSet>{items}</instancesSet>")

        return terminate

    def _mine(self) -> list[Instance]:
        return self._engine.all((get_account_id(), get_region()))

    def tags_of(self, arn: str) -> dict[str, str] | None:
        """The tags of an instance, or of a launch template that a policy names with `*`; None for what is not ours."""
        for each in self._mine():
            if arn.endswith(f":instance/{each.id}"):
                return dict(each.tags)
        return None


def _template(name: str, version: str) -> Mapping[str, Any] | None:
    found = next((each for each in ec2._launch_templates.values() if each["LaunchTemplateName"] == name), None)
    if found is None:
        return None
    number = {"$Latest": found["LatestVersionNumber"], "$Default": found["DefaultVersionNumber"], "": found["DefaultVersionNumber"]}
    wanted = int(number.get(version, version))
    return next((each["LaunchTemplateData"] for each in found["Versions"] if each["VersionNumber"] == wanted), None)


def _pools(parameters: Parameters) -> list[Pool]:
    found: list[Pool] = []
    prefix = "LaunchTemplateConfigs.1.Overrides"
    while kind := ec2._p(parameters, f"{prefix}.{len(found) + 1}.InstanceType"):
        here = f"{prefix}.{len(found) + 1}"
        found.append(Pool(kind, str(ec2._p(parameters, f"{here}.SubnetId")), float(ec2._p(parameters, f"{here}.WeightedCapacity") or 1)))
    return found


def _tags(parameters: Parameters, data: Mapping[str, Any]) -> dict[str, str]:
    """Those of the template, and above them those of the request."""
    specs = (each for each in data.get("TagSpecifications") or () if each.get("ResourceType") == "instance")
    found = {str(tag["Key"]): str(tag["Value"]) for each in specs for tag in each.get("Tags") or ()}
    number = 1
    while what := ec2._p(parameters, f"TagSpecification.{number}.ResourceType"):
        tag = 1
        while key := ec2._p(parameters, f"TagSpecification.{number}.Tag.{tag}.Key"):
            if what == "instance":
                found[key] = str(ec2._p(parameters, f"TagSpecification.{number}.Tag.{tag}.Value"))
            tag += 1
        number += 1
    return found


def _plain(data: Any) -> str:
    import base64
    import binascii

    try:
        return base64.b64decode(str(data), validate=True).decode()
    except (binascii.Error, ValueError):
        return ""


def _role_of(profile: str) -> str:
    """The ARN of the role of an instance profile."""
    found = iam._lookup_instance_profile(arn=profile) if profile else None
    names = [each if isinstance(each, str) else each.get("RoleName", "") for each in (found or {}).get("Roles", ())]
    role = iam._roles.get(names[0].rpartition("/")[2]) if names else None
    return str(role["Arn"]) if role else ""


def _matches(instance: Instance, filters: Mapping[str, Sequence[str]]) -> bool:
    """Filters as ministack parses them."""
    for name, values in filters.items():
        if name.startswith("tag:") and instance.tags.get(name[4:]) not in values:
            return False
        if name == "instance-state-name" and instance.state[1] not in values:
            return False
    return True


def _fleet_answer(fleet: str, made: Sequence[Instance], lacks: Sequence[Lack], purchase: str) -> Any:
    errors = "".join(
        f"<item>{_override(lack.pool)}<lifecycle>{purchase}</lifecycle><errorCode>{lack.code}</errorCode>"
        f"<errorMessage>{escape(lack.message)}</errorMessage></item>"
        for lack in lacks
    )
    groups: dict[Pool, list[str]] = {}
    for each in made:
        groups.setdefault(each.pool, []).append(each.id)
    instances = "".join(
        f"<item>{_override(pool)}<lifecycle>{purchase}</lifecycle>"
        f"<instanceIds>{''.join(f'<item>{each}</item>' for each in ids)}</instanceIds>"
        f"<instanceType>{pool.instance_type}</instanceType></item>"
        for pool, ids in groups.items()
    )
    inner = f"<fleetId>{fleet}</fleetId><errorSet>{errors}</errorSet><fleetInstanceSet>{instances}</fleetInstanceSet>"
    return ec2._xml(200, "CreateFleetResponse", inner)


def _override(pool: Pool) -> str:
    inner = f"<instanceType>{pool.instance_type}</instanceType><subnetId>{pool.subnet}</subnetId>"
    return f"<launchTemplateAndOverrides><overrides>{inner}</overrides></launchTemplateAndOverrides>"


def _reservations(instances: Sequence[Instance]) -> str:
    return "".join(
        f"<item><reservationId>r-{each.id[2:]}</reservationId><instancesSet>{_described(each)}</instancesSet></item>" for each in instances
    )


def _described(instance: Instance) -> str:
    tags = "".join(f"<item><key>{escape(key)}</key><value>{escape(value)}</value></item>" for key, value in instance.tags.items())
    reason = f"<stateReason><code>{instance.reason[0]}</code><message>{instance.reason[1]}</message></stateReason>"
    return (
        f"<item><instanceId>{instance.id}</instanceId><imageId>{escape(instance.image)}</imageId>"
        f"<instanceState><code>{instance.state[0]}</code><name>{instance.state[1]}</name></instanceState>"
        f"<instanceType>{instance.pool.instance_type}</instanceType><launchTime>{_text(instance.launched)}</launchTime>"
        f"<placement><availabilityZone>{instance.zone}</availabilityZone><tenancy>default</tenancy></placement>"
        f"<subnetId>{instance.pool.subnet}</subnetId>{'<instanceLifecycle>spot</instanceLifecycle>' if instance.is_spot else ''}"
        f"<iamInstanceProfile><arn>{instance.profile}</arn></iamInstanceProfile>"
        f"{reason if instance.reason[0] else ''}<tagSet>{tags}</tagSet></item>"
    )


def _text(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(seconds))
