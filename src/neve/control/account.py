"""What an account may use in a region, and what it does use."""

from dataclasses import dataclass

from neve.control.concurrency import Concurrency
from neve.domain.limits import THE_SERVICES, Quotas
from neve.domain.world import World
from neve.storage.store import FunctionStore


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """Sizes in bytes."""

    concurrent_executions: int
    unreserved_concurrent_executions: int
    code_storage: int
    code_size_zipped: int
    code_size_unzipped: int
    code_size_used: int
    function_count: int


class Account:
    """The account of every world."""

    def __init__(self, store: FunctionStore, concurrency: Concurrency, quotas: Quotas = THE_SERVICES) -> None:
        self._store = store
        self._concurrency = concurrency
        self._quotas = quotas

    async def settings(self, world: World) -> AccountSettings:
        """Limits and use."""
        usage = await self._store.code_usage(world)
        return AccountSettings(
            concurrent_executions=self._concurrency.account,
            unreserved_concurrent_executions=await self._concurrency.unreserved(world),
            code_storage=self._quotas.code_storage,
            code_size_zipped=self._quotas.code_zipped,
            code_size_unzipped=self._quotas.code_unzipped,
            code_size_used=usage.total_code_size,
            function_count=usage.function_count,
        )
