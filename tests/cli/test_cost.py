"""`neve cost`."""

import json
from typing import Any

from tests.cli.conftest import Cli

ORDERS: dict[str, Any] = {
    "function": "orders",
    "architecture": "arm64",
    "requests": 1204,
    "billedMs": 96_400.0,
    "initMs": 1_900.0,
    "gbSeconds": 12.05,
    "cost": {"requests": 0.0002408, "duration": 0.0002, "storage": 0.0, "total": 0.0004408},
    "costOfAMillion": 0.3661,
    "waiting": {"waitedMs": 81.0, "ranMs": 100.0},
}
PRICES = {"requests": 0.2, "x86_64": 16.6667, "arm64": 13.3334, "storage": 0.0309}


def test_costs_are_a_table(cli: Cli) -> None:
    nothing = {**ORDERS, "function": "quiet", "initMs": 0.0, "waiting": {"waitedMs": 0.0, "ranMs": 0.0}}
    cli.house.costs = {"prices": PRICES, "functions": [ORDERS, nothing]}
    answer = cli.run("cost")
    head, orders, quiet = answer.stdout.splitlines()
    assert head.split() == [
        "FUNCTION",
        "ARCH",
        "REQUESTS",
        "BILLED",
        "INIT",
        "GB-SECONDS",
        "COST",
        "A",
        "MILLION",
        "COST",
        "WAITING",
    ]
    assert orders.split("  ")[0] == "orders"
    told = [cell.strip() for cell in orders.split("  ") if cell.strip()]
    assert told == ["orders", "arm64", "1,204", "96.4 s", "2 %", "12.05", "$0.00044", "$0.37", "81 %"]
    assert quiet.split()[-1] == "–"
    assert "GB-seconds $16.6667 (x86_64)" in answer.stderr


def test_function_without_runs_costs_nothing_yet(cli: Cli) -> None:
    assert cli.run("cost", "orders").stderr == "No invocation of orders has ended yet.\n"
    assert cli.house.asked == [{"function": "orders"}]


def test_json_is_what_the_server_says(cli: Cli) -> None:
    assert json.loads(cli.run("cost", "--json").stdout) == cli.house.costs
