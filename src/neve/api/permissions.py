"""The family of resource policies of functions, versions and aliases. Those of layers are in `api/layers.py`."""

import json
from collections.abc import Mapping
from typing import Any

from neve.control.permissions import Permissions
from neve.domain.call import Call, Operation
from neve.domain.permission import Grant, ResourcePolicy, document

_Members = Mapping[str, Any]


def operations(permissions: Permissions) -> dict[str, Operation]:
    """Operations by their names in the service model."""
    family = _Family(permissions)
    return {
        "AddPermission": family.add_permission,
        "RemovePermission": family.remove_permission,
        "GetPolicy": family.get_policy,
        "PutResourcePolicy": family.put_resource_policy,
        "GetResourcePolicy": family.get_resource_policy,
        "DeleteResourcePolicy": family.delete_resource_policy,
    }


class _Family:
    def __init__(self, permissions: Permissions) -> None:
        self._permissions = permissions

    async def add_permission(self, call: Call, members: _Members) -> _Members:
        grant = Grant(
            sid=members["StatementId"],
            action=members["Action"],
            principal=members["Principal"],
            source_arn=members.get("SourceArn"),
            source_account=members.get("SourceAccount"),
            event_source_token=members.get("EventSourceToken"),
            organization=members.get("PrincipalOrgID"),
            url_auth_type=members.get("FunctionUrlAuthType"),
            via_function_url=members.get("InvokedViaFunctionUrl"),
        )
        statement = await self._permissions.add(
            call.world, members["FunctionName"], members.get("Qualifier"), grant, members.get("RevisionId")
        )
        return {"Statement": json.dumps(statement, separators=(",", ":"))}

    async def remove_permission(self, call: Call, members: _Members) -> _Members:
        await self._permissions.remove(
            call.world,
            members["FunctionName"],
            members.get("Qualifier"),
            members["StatementId"],
            members.get("RevisionId"),
        )
        return {}

    async def get_policy(self, call: Call, members: _Members) -> _Members:
        return _policy(*await self._permissions.get(call.world, members["FunctionName"], members.get("Qualifier")))

    async def put_resource_policy(self, call: Call, members: _Members) -> _Members:
        return _policy(
            *await self._permissions.put_policy(
                call.world, members["ResourceArn"], members["Policy"], members.get("RevisionId")
            )
        )

    async def get_resource_policy(self, call: Call, members: _Members) -> _Members:
        return _policy(*await self._permissions.get_policy(call.world, members["ResourceArn"]))

    async def delete_resource_policy(self, call: Call, members: _Members) -> _Members:
        await self._permissions.delete_policy(call.world, members["ResourceArn"], members.get("RevisionId"))
        return {}


def _policy(policy: ResourcePolicy, revision_id: str) -> _Members:
    return {"Policy": document(policy), "RevisionId": revision_id}
