"""The account family, checked against the codec of the model."""

import json
from pathlib import Path

from neve.api import account, model
from neve.api.wire import Codec
from neve.clock import Clock
from neve.control.account import Account
from neve.control.changes import Changes
from neve.control.concurrency import Concurrency
from neve.domain.call import Call
from neve.domain.world import World
from neve.storage.sqlite.functions import SqliteFunctionStore


async def test_account_settings(tmp_path: Path) -> None:
    store = await SqliteFunctionStore.open(tmp_path / "neve.sqlite")
    concurrency = Concurrency(store, store.aliases, store.concurrency, Changes(store), Clock())
    operation = account.operations(Account(store, concurrency))["GetAccountSettings"]
    reply = await operation(Call(World(), "request"), {})
    await store.close()
    lambda_model = model.load("lambda")
    response = Codec(lambda_model, lambda_model.operations["GetAccountSettings"]).render(reply)
    assert json.loads(response.body) == {
        "AccountLimit": {
            "TotalCodeSize": 80_530_636_800,
            "CodeSizeUnzipped": 262_144_000,
            "CodeSizeZipped": 52_428_800,
            "ConcurrentExecutions": 1_000,
            "UnreservedConcurrentExecutions": 1_000,
        },
        "AccountUsage": {"TotalCodeSize": 0, "FunctionCount": 0},
    }
