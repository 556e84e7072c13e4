"""CloudFormation: the resource types of Lambda, and log groups, made of Neve's own functions by its API.

Each kind says how a resource is created, changed and deleted. Properties that the API names in the same way are passed on,
as the types that the API has; those that the API does not know are said and left out.
"""

import io
import zipfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from neve.neighbours.child.say import say

Properties = Mapping[str, Any]


class Made(NamedTuple):
    """What there is of a resource: what `Ref` gives, what `Fn::GetAtt` gives, and what the API needs to find it again."""

    reference: str
    attributes: Mapping[str, str]
    key: Mapping[str, Any]


class Kind(NamedTuple):
    """One resource type. `name` is the property that names a resource; without `update`, a changed one is made anew.

    `service` is whose client they get.
    """

    name: str | None
    create: Callable[[Any, str, Properties], Made]
    update: Callable[[Any, Made, Properties], Made] | None
    delete: Callable[[Any, Made], object]
    service: str = "lambda"


def members(client: Any, operation: str, properties: Properties) -> dict[str, Any]:
    """What of the properties the operation takes, in its types: templates write numbers and booleans as text, too."""
    shape = client.meta.service_model.operation_model(operation).input_shape
    return {name: _typed(shape.members[name], value) for name, value in properties.items() if name in shape.members}


def _typed(shape: Any, value: Any) -> Any:
    if shape.type_name == "structure" and isinstance(value, Mapping):
        return {name: _typed(shape.members[name], each) for name, each in value.items() if name in shape.members}
    if shape.type_name == "list" and isinstance(value, list):
        return [_typed(shape.member, each) for each in value]
    if shape.type_name == "map" and isinstance(value, list):  # tags
        return {each["Key"]: str(each["Value"]) for each in value}
    if shape.type_name == "map" and isinstance(value, Mapping):
        return {str(name): _typed(shape.value, each) for name, each in value.items()}
    if shape.type_name in ("integer", "long") and isinstance(value, str):
        return int(value)
    if shape.type_name == "boolean" and isinstance(value, str):
        return value.lower() == "true"
    return str(value) if shape.type_name == "string" and isinstance(value, int | float) else value


# Functions

_HANDLED = {"ReservedConcurrentExecutions", "RecursiveLoop", "RuntimeManagementConfig", "Tags", "Code"}
_SOON = {"Delay": 0.05, "MaxAttempts": 2400}


def _create_function(client: Any, name: str, properties: Properties) -> Made:
    given = members(client, "CreateFunction", {**properties, "FunctionName": name})
    given["Code"] = _code(client, properties)
    arn = client.create_function(**given)["FunctionArn"]
    client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig=_SOON)
    _set_aside(client, name, properties)
    _say_unknown(client, "CreateFunction", "AWS::Lambda::Function", properties)
    return Made(name, {"Arn": arn}, {"FunctionName": name})


def _update_function(client: Any, made: Made, properties: Properties) -> Made:
    name = made.reference
    given = members(client, "UpdateFunctionConfiguration", {**_EMPTY_SETTINGS, **properties, "FunctionName": name})
    given.pop("RevisionId", None)
    client.update_function_configuration(**given)
    client.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig=_SOON)
    code = members(client, "UpdateFunctionCode", {**_code(client, properties), "FunctionName": name})
    if "Architectures" in properties:
        code["Architectures"] = properties["Architectures"]
    client.update_function_code(**code)
    client.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig=_SOON)
    _set_aside(client, name, properties)
    _retag(client, made.attributes["Arn"], {each["Key"]: str(each["Value"]) for each in properties.get("Tags", [])})
    return made


_EMPTY_SETTINGS = {"Environment": {"Variables": {}}, "Layers": [], "Description": ""}
"""A property that a template has no more is taken away."""


def _set_aside(client: Any, name: str, properties: Properties) -> None:
    if "ReservedConcurrentExecutions" in properties:
        reserved = int(properties["ReservedConcurrentExecutions"])
        client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=reserved)
    else:
        client.delete_function_concurrency(FunctionName=name)
    if "RecursiveLoop" in properties:
        client.put_function_recursion_config(FunctionName=name, RecursiveLoop=properties["RecursiveLoop"])
    if "RuntimeManagementConfig" in properties:
        config = members(client, "PutRuntimeManagementConfig", properties["RuntimeManagementConfig"])
        client.put_runtime_management_config(FunctionName=name, **config)


def _retag(client: Any, arn: str, tags: Mapping[str, str]) -> None:
    gone = [key for key in client.list_tags(Resource=arn).get("Tags", {}) if key not in tags]
    if gone:
        client.untag_resource(Resource=arn, TagKeys=gone)
    if tags:
        client.tag_resource(Resource=arn, Tags=tags)


def _code(client: Any, properties: Properties) -> dict[str, Any]:
    """`ZipFile` of a template is the text of one file."""
    code = dict(properties["Code"])
    if "ZipFile" in code:
        python = str(properties.get("Runtime", "")).startswith("python")
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr(zipfile.ZipInfo("index.py" if python else "index.js"), code["ZipFile"])
        code["ZipFile"] = buffer.getvalue()
    return code


def _say_unknown(client: Any, operation: str, kind: str, properties: Properties) -> None:
    known = client.meta.service_model.operation_model(operation).input_shape.members
    unknown = sorted(set(properties) - set(known) - _HANDLED)
    if unknown:
        say(f"{kind}: without effect: {', '.join(unknown)}")


# What belongs to functions


def _create_version(client: Any, name: str, properties: Properties) -> Made:
    published = client.publish_version(**members(client, "PublishVersion", properties))
    key = {"FunctionName": published["FunctionName"], "Qualifier": published["Version"]}
    _provision(client, key, properties)
    arn = f"{published['FunctionArn'].rpartition(':')[0]}:{published['Version']}"
    return Made(arn, {"Version": published["Version"], "FunctionArn": arn}, key)


def _delete_version(client: Any, made: Made) -> None:
    """Versions that an alias still points to stay; they go with the function."""
    with suppress(client.exceptions.ResourceConflictException, client.exceptions.ResourceNotFoundException):
        client.delete_function(**made.key)


def _provision(client: Any, key: Mapping[str, str], properties: Properties) -> None:
    config = properties.get("ProvisionedConcurrencyConfig")
    if config:
        client.get_waiter("published_version_active").wait(**key, WaiterConfig=_SOON)
        executions = int(config["ProvisionedConcurrentExecutions"])
        client.put_provisioned_concurrency_config(**key, ProvisionedConcurrentExecutions=executions)


def _alias_members(client: Any, operation: str, properties: Properties) -> dict[str, Any]:
    weights = (properties.get("RoutingConfig") or {}).get("AdditionalVersionWeights", [])
    routing = {each["FunctionVersion"]: float(each["FunctionWeight"]) for each in weights}
    return members(client, operation, properties) | {"RoutingConfig": {"AdditionalVersionWeights": routing}}


def _create_alias(client: Any, name: str, properties: Properties) -> Made:
    arn = client.create_alias(**_alias_members(client, "CreateAlias", properties))["AliasArn"]
    key = {"FunctionName": arn.rpartition(":")[0], "Name": properties["Name"]}
    _provision(client, {"FunctionName": key["FunctionName"], "Qualifier": key["Name"]}, properties)
    return Made(arn, {"AliasArn": arn}, key)


def _update_alias(client: Any, made: Made, properties: Properties) -> Made:
    client.update_alias(**_alias_members(client, "UpdateAlias", {**properties, **made.key}))
    return made


def _create_permission(client: Any, name: str, properties: Properties) -> Made:
    given = members(client, "AddPermission", {**properties, "StatementId": name[-100:]})
    client.add_permission(**given)
    key = {"FunctionName": given["FunctionName"], "StatementId": given["StatementId"]}
    return Made(given["StatementId"], {"Id": given["StatementId"]}, key)


def _url_members(client: Any, operation: str, properties: Properties) -> dict[str, Any]:
    return members(client, operation, {**properties, "FunctionName": properties["TargetFunctionArn"]})


def _create_url(client: Any, name: str, properties: Properties) -> Made:
    given = _url_members(client, "CreateFunctionUrlConfig", properties)
    made = client.create_function_url_config(**given)
    attributes = {"FunctionArn": made["FunctionArn"], "FunctionUrl": made["FunctionUrl"]}
    key: dict[str, Any] = {each: given[each] for each in ("FunctionName", "Qualifier") if each in given}
    return Made(made["FunctionArn"], attributes, key)


def _update_url(client: Any, made: Made, properties: Properties) -> Made:
    client.update_function_url_config(**_url_members(client, "UpdateFunctionUrlConfig", properties))
    return made


def _create_mapping(client: Any, name: str, properties: Properties) -> Made:
    made = client.create_event_source_mapping(**members(client, "CreateEventSourceMapping", properties))
    uuid = made["UUID"]
    return Made(uuid, {"Id": uuid, "EventSourceMappingArn": made["EventSourceMappingArn"]}, {"UUID": uuid})


def _update_mapping(client: Any, made: Made, properties: Properties) -> Made:
    client.update_event_source_mapping(**members(client, "UpdateEventSourceMapping", {**properties, **made.key}))
    return made


def _put_event_config(client: Any, name: str, properties: Properties) -> Made:
    client.put_function_event_invoke_config(**members(client, "PutFunctionEventInvokeConfig", properties))
    key = {each: properties[each] for each in ("FunctionName", "Qualifier")}
    return Made(name, {}, key)


# Layers and the rest


def _create_layer(client: Any, name: str, properties: Properties) -> Made:
    given = members(client, "PublishLayerVersion", {"LayerName": name, **properties})
    made = client.publish_layer_version(**given)
    arn = made["LayerVersionArn"]
    return Made(arn, {"LayerVersionArn": arn}, {"LayerName": given["LayerName"], "VersionNumber": made["Version"]})


def _create_layer_permission(client: Any, name: str, properties: Properties) -> Made:
    layer, _, number = properties["LayerVersionArn"].rpartition(":")
    key = {"LayerName": layer, "VersionNumber": int(number), "StatementId": name[-100:]}
    client.add_layer_version_permission(**members(client, "AddLayerVersionPermission", {**properties, **key}))
    return Made(name, {"Id": name}, key)


def _create_signing(client: Any, name: str, properties: Properties) -> Made:
    given = members(client, "CreateCodeSigningConfig", properties)
    made = client.create_code_signing_config(**given)["CodeSigningConfig"]
    arn = made["CodeSigningConfigArn"]
    attributes = {"CodeSigningConfigArn": arn, "CodeSigningConfigId": made["CodeSigningConfigId"]}
    return Made(arn, attributes, {"CodeSigningConfigArn": arn})


def _create_log_group(client: Any, name: str, properties: Properties) -> Made:
    """One that is there already is taken over: functions make theirs when they first run."""
    with suppress(client.exceptions.ResourceAlreadyExistsException):
        client.create_log_group(logGroupName=name)
    if "RetentionInDays" in properties:
        client.put_retention_policy(logGroupName=name, retentionInDays=int(properties["RetentionInDays"]))
    found = client.describe_log_groups(logGroupNamePrefix=name)["logGroups"][0]
    return Made(name, {"Arn": found["arn"]}, {"logGroupName": name})


KINDS: Mapping[str, Kind] = {
    "AWS::Lambda::Function": Kind(
        "FunctionName", _create_function, _update_function, lambda client, made: client.delete_function(**made.key)
    ),
    "AWS::Lambda::Version": Kind(None, _create_version, lambda client, made, properties: made, _delete_version),
    "AWS::Lambda::Alias": Kind(
        None, _create_alias, _update_alias, lambda client, made: client.delete_alias(**made.key)
    ),
    "AWS::Lambda::Permission": Kind(
        None, _create_permission, None, lambda client, made: client.remove_permission(**made.key)
    ),
    "AWS::Lambda::Url": Kind(
        None, _create_url, _update_url, lambda client, made: client.delete_function_url_config(**made.key)
    ),
    "AWS::Lambda::EventSourceMapping": Kind(
        None, _create_mapping, _update_mapping, lambda client, made: client.delete_event_source_mapping(**made.key)
    ),
    "AWS::Lambda::EventInvokeConfig": Kind(
        None,
        _put_event_config,
        None,
        lambda client, made: client.delete_function_event_invoke_config(**made.key),
    ),
    "AWS::Lambda::LayerVersion": Kind(
        "LayerName", _create_layer, None, lambda client, made: client.delete_layer_version(**made.key)
    ),
    "AWS::Lambda::LayerVersionPermission": Kind(
        None,
        _create_layer_permission,
        None,
        lambda client, made: client.remove_layer_version_permission(**made.key),
    ),
    "AWS::Lambda::CodeSigningConfig": Kind(
        None, _create_signing, None, lambda client, made: client.delete_code_signing_config(**made.key)
    ),
    "AWS::Logs::LogGroup": Kind(
        "LogGroupName",
        _create_log_group,
        lambda client, made, properties: _create_log_group(client, made.reference, properties),
        lambda client, made: client.delete_log_group(**made.key),
        "logs",
    ),
}
