"""What an account may use and does use."""

from tests.control.bench import WORLD, Bench, zipped

from neve.control.account import Account


async def test_use_counts_functions_and_code(bench: Bench) -> None:
    account = Account(bench.store, bench.functions.concurrency)
    assert (await account.settings(WORLD)).function_count == 0
    await bench.create("f", "same")
    await bench.create("g", "same")
    await bench.functions.concurrency.reserve(WORLD, "f", 7)
    settings = await account.settings(WORLD)
    assert (settings.function_count, settings.code_size_used) == (2, 2 * len(zipped("same")))
    assert (settings.concurrent_executions, settings.unreserved_concurrent_executions) == (1000, 993)
