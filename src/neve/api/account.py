"""The account family of the API."""

from collections.abc import Mapping
from typing import Any

from neve.control.account import Account
from neve.domain.call import Call, Operation


def operations(account: Account) -> dict[str, Operation]:
    """Operations by their names in the service model."""

    async def get_account_settings(call: Call, _members: Mapping[str, Any]) -> Mapping[str, Any]:
        settings = await account.settings(call.world)
        return {
            "AccountLimit": {
                "TotalCodeSize": settings.code_storage,
                "CodeSizeUnzipped": settings.code_size_unzipped,
                "CodeSizeZipped": settings.code_size_zipped,
                "ConcurrentExecutions": settings.concurrent_executions,
                "UnreservedConcurrentExecutions": settings.unreserved_concurrent_executions,
            },
            "AccountUsage": {"TotalCodeSize": settings.code_size_used, "FunctionCount": settings.function_count},
        }

    return {"GetAccountSettings": get_account_settings}
