"""The verbs on runtime management: when a version gets another build of its runtime.

Kept and given back: Neve runs what is installed on the machine.
"""

from dataclasses import replace

from neve.control import naming
from neve.control.changes import Changes
from neve.domain import arn as arns
from neve.domain.errors import InvalidParameterValue
from neve.domain.function import LATEST, Function, RuntimeUpdates, UpdateRuntimeOn
from neve.domain.version import is_number
from neve.domain.world import World
from neve.storage.store import FunctionStore


class RuntimeManagement:
    """Each version has its own setting, `Auto` at first; without a qualifier, `$LATEST` is meant."""

    def __init__(self, functions: FunctionStore, changes: Changes) -> None:
        self._functions = functions
        self._changes = changes

    async def put(
        self,
        world: World,
        function_name: str,
        qualifier: str | None,
        update_on: UpdateRuntimeOn,
        version_arn: str | None,
    ) -> Function:
        """The version with its new setting. ResourceNotFound; InvalidParameterValue for an alias, a Manual without a
        runtime version, and a runtime version with another than Manual."""
        name, version = _version(world, function_name, qualifier, "lambda:PutRuntimeManagementConfig")
        if (update_on is UpdateRuntimeOn.MANUAL) != (version_arn is not None):
            raise InvalidParameterValue("RuntimeVersionArn is given with UpdateRuntimeOn Manual, and only with it.")
        updates = RuntimeUpdates(update_on, version_arn)
        return await self._changes.aside(
            world, name, version, lambda function: replace(function, runtime_updates=updates)
        )

    async def get(self, world: World, function_name: str, qualifier: str | None) -> Function:
        """The version that has the setting. ResourceNotFound; InvalidParameterValue for an alias."""
        name, version = _version(world, function_name, qualifier, "lambda:GetRuntimeManagementConfig")
        function = await self._functions.function(world, name, version)
        if function is None:
            raise arns.not_found(world, name, None if version == LATEST else version)
        return function


def _version(world: World, function_name: str, qualifier: str | None, action: str) -> tuple[str, str]:
    name, asked = naming.wanted(world, function_name, qualifier, action)
    version = asked or LATEST
    if version != LATEST and not is_number(version):
        raise InvalidParameterValue(
            f"Runtime management is configured for $LATEST and for published versions, not for {version}."
        )
    return name, version
