"""The functions family of the API: members in, `control.functions` asked, members out. AWS spelling ends here."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from neve.api.lending import Lend, as_it_is
from neve.api.paging import Pages
from neve.control.configuration import Given, GivenLogging
from neve.control.functions import Functions
from neve.domain import limits, runtime_names
from neve.domain.arn import function_arn
from neve.domain.call import Call, Operation
from neve.domain.code_source import CodeObject, CodeSource, Image, check_package
from neve.domain.errors import InvalidParameterValue
from neve.domain.function import LATEST, Function, UpdateRuntimeOn

_Members = Mapping[str, Any]
_PAGES = Pages("functions")

_KEPT = (
    "VpcConfig",
    "KMSKeyArn",
    "FileSystemConfigs",
    "ImageConfig",
    "SnapStart",
    "TenancyConfig",
    "CapacityProviderConfig",
    "DurableConfig",
    "RuntimeConfig",
    "AcceleratorConfig",
)
"""Members that Neve keeps and gives back: clients like Terraform compare what they read with what they wrote."""

_STATES = frozenset(
    {
        "State",
        "StateReason",
        "StateReasonCode",
        "LastUpdateStatus",
        "LastUpdateStatusReason",
        "LastUpdateStatusReasonCode",
    }
)


def operations(functions: Functions, base_url: Callable[[], str], lend: Lend = as_it_is) -> dict[str, Operation]:
    """Operations by their names in the service model. `base_url` is that of our own door, without a slash at its end; `lend`
    makes a URL of it usable for who has no key."""
    family = _Family(functions, base_url, lend)
    return {
        "CreateFunction": family.create_function,
        "GetFunction": family.get_function,
        "GetFunctionConfiguration": family.get_function_configuration,
        "ListFunctions": family.list_functions,
        "UpdateFunctionCode": family.update_function_code,
        "UpdateFunctionConfiguration": family.update_function_configuration,
        "DeleteFunction": family.delete_function,
        "PutRuntimeManagementConfig": family.put_runtime_management_config,
        "GetRuntimeManagementConfig": family.get_runtime_management_config,
    }


class _Family:
    def __init__(self, functions: Functions, base_url: Callable[[], str], lend: Lend) -> None:
        self._lend = lend
        self._functions = functions
        self._base_url = base_url

    async def create_function(self, call: Call, members: _Members) -> _Members:
        _refuse_capacity(members)
        source = code_source(members["Code"])
        check_package(source, members.get("PackageType", "Zip") == "Image")
        function = await self._functions.create(
            call.world,
            members["FunctionName"],
            _given(members),
            source,
            members.get("Tags") or {},
            bool(members.get("Publish")),
            members.get("CodeSigningConfigArn"),
        )
        return configuration(function)

    async def get_function(self, call: Call, members: _Members) -> _Members:
        function, qualifier, tags = await self._functions.get(
            call.world, members["FunctionName"], members.get("Qualifier"), "lambda:GetFunction"
        )
        reply: dict[str, Any] = {
            "Configuration": configuration(function, qualifier),
            "Code": self._code(function),
        }
        if tags:
            reply["Tags"] = dict(tags)
        reserved = await self._functions.concurrency.reserved_of(call.world, function.name)
        if reserved is not None:
            reply["Concurrency"] = {"ReservedConcurrentExecutions": reserved}
        return reply

    async def get_function_configuration(self, call: Call, members: _Members) -> _Members:
        found = await self._functions.get(
            call.world, members["FunctionName"], members.get("Qualifier"), "lambda:GetFunctionConfiguration"
        )
        return configuration(found.function, found.qualifier)

    async def list_functions(self, call: Call, members: _Members) -> _Members:
        """`MasterRegion` is about replicas at the edge, which are never here: it chooses nothing."""
        limit = min(members.get("MaxItems") or limits.FUNCTIONS_PER_PAGE, limits.FUNCTIONS_PER_PAGE)
        of_all_versions = members.get("FunctionVersion") == "ALL"  # then every ARN names its version
        after = _PAGES.read_place(members.get("Marker"))
        page = await self._functions.page(call.world, after, limit, of_all_versions)
        return {
            "Functions": [listed(each, each.version if of_all_versions else None) for each in page.functions],
            "NextMarker": _PAGES.place(page.after),
        }

    async def update_function_code(self, call: Call, members: _Members) -> _Members:
        _refuse_capacity(members)
        function = await self._functions.update_code(
            call.world,
            members["FunctionName"],
            code_source(members),
            _architectures(members),
            members.get("RevisionId"),
            bool(members.get("DryRun")),
            bool(members.get("Publish")),
        )
        return configuration(function, None if function.version == LATEST else function.version)

    async def update_function_configuration(self, call: Call, members: _Members) -> _Members:
        function = await self._functions.update_configuration(
            call.world, members["FunctionName"], _given(members), members.get("RevisionId")
        )
        return configuration(function)

    async def delete_function(self, call: Call, members: _Members) -> _Members:
        await self._functions.delete(call.world, members["FunctionName"], members.get("Qualifier"))
        return {"StatusCode": 204}  # the model says 200, the service has always answered 204

    async def put_runtime_management_config(self, call: Call, members: _Members) -> _Members:
        function = await self._functions.runtimes.put(
            call.world,
            members["FunctionName"],
            members.get("Qualifier"),
            UpdateRuntimeOn(members["UpdateRuntimeOn"]),
            members.get("RuntimeVersionArn"),
        )
        return _runtime_updates(function)

    async def get_runtime_management_config(self, call: Call, members: _Members) -> _Members:
        return _runtime_updates(
            await self._functions.runtimes.get(call.world, members["FunctionName"], members.get("Qualifier"))
        )

    def _code(self, function: Function) -> _Members:
        if function.image_uri is None:
            return {"RepositoryType": "S3", "Location": self._location(function)}
        image = Image(function.image_uri)
        return {"RepositoryType": "ECR", "ImageUri": image.uri, "ResolvedImageUri": image.resolved}

    def _location(self, function: Function) -> str:
        world = function.world
        path = "/".join(quote(part, safe="") for part in (world.account, world.region, function.name))
        return self._lend(world, f"{self._base_url()}/_neve/code/{path}?version={quote(function.version, safe='')}")


def configuration(function: Function, qualifier: str | None = None) -> dict[str, Any]:
    """FunctionConfiguration of the service, in its order; the ARN carries the qualifier that was asked for."""
    members: dict[str, Any] = {
        "Architectures": list(function.architectures),
        "CodeSha256": function.code.sha256,
        "CodeSize": function.code.size,
        "DeadLetterConfig": function.dead_letter_arn and {"TargetArn": function.dead_letter_arn},
        "Description": function.description,
        "Environment": None if function.environment is None else {"Variables": dict(function.environment)},
        "EphemeralStorage": {"Size": function.ephemeral_storage_mb},
        "FunctionArn": function_arn(function.world, function.name, qualifier),
        "FunctionName": function.name,
        "Handler": function.handler or None,
        "LastModified": iso_time(function.last_modified_ms),
        "LastUpdateStatus": function.last_update_status,
        "LastUpdateStatusReason": function.last_update_reason,
        "LastUpdateStatusReasonCode": function.last_update_reason_code,
        "Layers": [{"Arn": layer.arn, "CodeSize": layer.code.size} for layer in function.layers] or None,
        "LoggingConfig": _logging_config(function),
        "MemorySize": function.memory_mb,
        "PackageType": "Zip" if function.image_uri is None else "Image",
        "RevisionId": function.revision_id,
        "Role": function.role,
        "Runtime": function.runtime or None,
        "RuntimeVersionConfig": function.runtime
        and {"RuntimeVersionArn": runtime_names.version_arn(function.world.region, function.runtime)},
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        "State": function.state,
        "StateReason": function.state_reason,
        "StateReasonCode": function.state_reason_code,
        "Timeout": function.timeout_s,
        "TracingConfig": {"Mode": function.tracing_mode},
        "Version": function.version,
    }
    present = {name: value for name, value in members.items() if value not in (None, "") or name == "Description"}
    return present | _kept_reply(function.extra)


def listed(function: Function, qualifier: str | None) -> dict[str, Any]:
    """What a list tells: no states."""
    return {name: value for name, value in configuration(function, qualifier).items() if name not in _STATES}


def _runtime_updates(function: Function) -> _Members:
    updates = function.runtime_updates
    return {
        "UpdateRuntimeOn": updates.update_on.value,
        "FunctionArn": function.qualified_arn,
        "RuntimeVersionArn": updates.version_arn,
    }


def _kept_reply(extra: Mapping[str, Any]) -> dict[str, Any]:
    """Kept members in the shape of replies. An empty value took the setting away, except for VpcConfig."""
    reply = {name: value for name, value in extra.items() if value not in ("", [], {})}
    if "ImageConfig" in reply:
        reply["ImageConfigResponse"] = {"ImageConfig": reply.pop("ImageConfig")}
    if "VpcConfig" in extra:
        reply["VpcConfig"] = {"SubnetIds": [], "SecurityGroupIds": [], "VpcId": ""} | (extra["VpcConfig"] or {})
    if "SnapStart" in reply:
        reply["SnapStart"] = {"ApplyOn": "None"} | reply["SnapStart"] | {"OptimizationStatus": "Off"}
    return reply


def _given(members: _Members) -> Given:
    environment = members.get("Environment")
    variables = None if environment is None else environment.get("Variables")
    return Given(
        runtime=members.get("Runtime"),
        handler=members.get("Handler"),
        role=members.get("Role"),
        description=members.get("Description"),
        memory_mb=members.get("MemorySize"),
        timeout_s=members.get("Timeout"),
        ephemeral_storage_mb=members.get("EphemeralStorage", {}).get("Size"),
        environment=variables,
        clear_environment=environment is not None and variables is None,
        layer_arns=tuple(members["Layers"]) if "Layers" in members else None,
        architectures=_architectures(members),
        tracing_mode=members.get("TracingConfig", {}).get("Mode"),
        capacity_provider_arn=_capacity_provider(members),
        dead_letter_arn=members["DeadLetterConfig"].get("TargetArn", "") if "DeadLetterConfig" in members else None,
        logging=_given_logging(members.get("LoggingConfig", {})),
        extra={name: members[name] for name in _KEPT if name in members},
    )


def _capacity_provider(members: _Members) -> str | None:
    """None was not given; empty takes it away."""
    config = members.get("CapacityProviderConfig")
    if config is None:
        return None
    arn: str = config.get("LambdaManagedInstancesCapacityProviderConfig", {}).get("CapacityProviderArn", "")
    return arn


def _given_logging(members: _Members) -> GivenLogging:
    return GivenLogging(
        log_group=members.get("LogGroup"),
        log_format=members.get("LogFormat"),
        application_log_level=members.get("ApplicationLogLevel"),
        system_log_level=members.get("SystemLogLevel"),
    )


def _logging_config(function: Function) -> dict[str, Any]:
    logging = function.logging
    members = {
        "ApplicationLogLevel": logging.application_log_level,
        "LogFormat": logging.log_format,
        "LogGroup": logging.log_group,
        "SystemLogLevel": logging.system_log_level,
    }
    return {name: value for name, value in members.items() if value is not None}


def _architectures(members: _Members) -> tuple[str, ...] | None:
    return tuple(members["Architectures"]) if "Architectures" in members else None


def code_source(code: _Members) -> CodeSource:
    """The code that was given, or where it is. InvalidParameterValue for none, and for more than one."""
    ways = [("ZipFile" in code), ("S3Bucket" in code or "S3Key" in code), ("ImageUri" in code)]
    if sum(ways) > 1:
        raise InvalidParameterValue(
            "Please do not provide other FunctionCode parameters when providing a ZipFile."
            if ways[0]
            else "Please provide either an ImageUri or an S3 object as function code, not both."
        )
    if "ImageUri" in code:
        return Image(code["ImageUri"])
    if "S3Bucket" in code and "S3Key" in code:
        return CodeObject(code["S3Bucket"], code["S3Key"], code.get("S3ObjectVersion"))
    if "ZipFile" not in code:
        raise InvalidParameterValue("Please provide a source for function code.")
    content: bytes = code["ZipFile"]
    return content


def _refuse_capacity(members: _Members) -> None:
    if "PublishTo" in members:
        raise InvalidParameterValue("Neve has no capacity providers to publish to; leave PublishTo out.")


def iso_time(milliseconds: int) -> str:
    """`2023-08-10T12:34:56.789+0000`"""
    at = datetime.fromtimestamp(milliseconds // 1000, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03d}+0000"
