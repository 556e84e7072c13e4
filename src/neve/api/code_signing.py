"""The code signing family of the API."""

from collections.abc import Mapping
from typing import Any

from neve.api.functions import iso_time
from neve.api.paging import Pages
from neve.control.code_signing import CodeSigning, GivenSigning
from neve.domain.call import Call, Operation
from neve.domain.code_signing import CodeSigningConfig, UntrustedCode
from neve.domain.limits import CODE_SIGNING_CONFIGS_PER_PAGE

_Members = Mapping[str, Any]
_CONFIGS = Pages("code-signing-configs")
_USERS = Pages("code-signing-users")


def operations(signing: CodeSigning) -> dict[str, Operation]:
    """Operations by their names in the service model."""
    family = _Family(signing)
    return {
        "CreateCodeSigningConfig": family.create_code_signing_config,
        "GetCodeSigningConfig": family.get_code_signing_config,
        "UpdateCodeSigningConfig": family.update_code_signing_config,
        "DeleteCodeSigningConfig": family.delete_code_signing_config,
        "ListCodeSigningConfigs": family.list_code_signing_configs,
        "ListFunctionsByCodeSigningConfig": family.list_functions_by_code_signing_config,
        "PutFunctionCodeSigningConfig": family.put_function_code_signing_config,
        "GetFunctionCodeSigningConfig": family.get_function_code_signing_config,
        "DeleteFunctionCodeSigningConfig": family.delete_function_code_signing_config,
    }


class _Family:
    def __init__(self, signing: CodeSigning) -> None:
        self._signing = signing

    async def create_code_signing_config(self, call: Call, members: _Members) -> _Members:
        return _whole(await self._signing.create(call.world, _given(members), members.get("Tags") or {}))

    async def get_code_signing_config(self, call: Call, members: _Members) -> _Members:
        return _whole(await self._signing.get(call.world, members["CodeSigningConfigArn"]))

    async def update_code_signing_config(self, call: Call, members: _Members) -> _Members:
        return _whole(await self._signing.update(call.world, members["CodeSigningConfigArn"], _given(members)))

    async def delete_code_signing_config(self, call: Call, members: _Members) -> _Members:
        await self._signing.delete(call.world, members["CodeSigningConfigArn"])
        return {}

    async def list_code_signing_configs(self, call: Call, members: _Members) -> _Members:
        after = _CONFIGS.read(members.get("Marker"))
        page = await self._signing.page(call.world, after, _limit(members))
        return {
            "NextMarker": _CONFIGS.marker(page.after),
            "CodeSigningConfigs": [_config(each) for each in page.configs],
        }

    async def list_functions_by_code_signing_config(self, call: Call, members: _Members) -> _Members:
        after = _USERS.read(members.get("Marker"))
        page = await self._signing.users(call.world, members["CodeSigningConfigArn"], after, _limit(members))
        return {"NextMarker": _USERS.marker(page.after), "FunctionArns": page.function_arns}

    async def put_function_code_signing_config(self, call: Call, members: _Members) -> _Members:
        arn = members["CodeSigningConfigArn"]
        name = await self._signing.attach(call.world, members["FunctionName"], arn)
        return {"CodeSigningConfigArn": arn, "FunctionName": name}

    async def get_function_code_signing_config(self, call: Call, members: _Members) -> _Members:
        name, arn = await self._signing.attached(call.world, members["FunctionName"])
        return {} if arn is None else {"CodeSigningConfigArn": arn, "FunctionName": name}

    async def delete_function_code_signing_config(self, call: Call, members: _Members) -> _Members:
        await self._signing.detach(call.world, members["FunctionName"])
        return {}


def _whole(config: CodeSigningConfig) -> _Members:
    return {"CodeSigningConfig": _config(config)}


def _config(config: CodeSigningConfig) -> dict[str, Any]:
    return {
        "CodeSigningConfigId": config.id,
        "CodeSigningConfigArn": config.arn,
        "Description": config.description,
        "AllowedPublishers": {"SigningProfileVersionArns": config.publishers},
        "CodeSigningPolicies": {"UntrustedArtifactOnDeployment": config.untrusted.value},
        "LastModified": iso_time(config.last_modified_ms),
    }


def _given(members: _Members) -> GivenSigning:
    publishers = members.get("AllowedPublishers")
    untrusted = members.get("CodeSigningPolicies", {}).get("UntrustedArtifactOnDeployment")
    return GivenSigning(
        None if publishers is None else tuple(publishers["SigningProfileVersionArns"]),
        None if untrusted is None else UntrustedCode(untrusted),
        members.get("Description"),
    )


def _limit(members: _Members) -> int:
    return min(members.get("MaxItems") or CODE_SIGNING_CONFIGS_PER_PAGE, CODE_SIGNING_CONFIGS_PER_PAGE)
