"""PUT /2022-07-01/telemetry and PUT /2020-08-15/logs, as the service answers where it has neither."""

from neve.dataplane.runtime_api.doors import Doors
from neve.dataplane.runtime_api.extension import BODY_BYTES
from neve.dataplane.runtime_api.http import Exchange, Intake, Whole, refusal


def open_telemetry(doors: Doors, exchange: Exchange) -> Intake:
    """Extensions go on without it."""
    reply = refusal(202, "Telemetry.NotSupported", "Telemetry API is not supported")
    return Whole(exchange, BODY_BYTES, lambda body: reply)


def open_logs(doors: Doors, exchange: Exchange) -> Intake:
    """Extensions go on without it."""
    reply = refusal(202, "Logs.NotSupported", "Logs API is not supported")
    return Whole(exchange, BODY_BYTES, lambda body: reply)
