"""PUT /2022-07-01/telemetry and PUT /2020-08-15/logs: an extension subscribes to what is told of its environment."""

from neve.dataplane.runtime_api.doors import Doors
from neve.dataplane.runtime_api.extension import BODY_BYTES, identified
from neve.dataplane.runtime_api.http import Exchange, Intake, Reply, Whole, refusal, too_large
from neve.dataplane.runtime_api.listener import Subscribed
from neve.dataplane.runtime_api.subscription import Api, SubscriptionRefused, parse_subscription

_VALIDATION = {Api.TELEMETRY: "ValidationError", Api.LOGS: "Logs.ValidationError"}


def open_telemetry(doors: Doors, exchange: Exchange) -> Intake:
    """The Telemetry API."""
    return Whole(exchange, BODY_BYTES, lambda body: _subscribe(doors, exchange, Api.TELEMETRY, body))


def open_logs(doors: Doors, exchange: Exchange) -> Intake:
    """The Logs API, which it has replaced."""
    return Whole(exchange, BODY_BYTES, lambda body: _subscribe(doors, exchange, Api.LOGS, body))


def _subscribe(doors: Doors, exchange: Exchange, api: Api, body: bytes | None) -> Reply:
    extension = identified(doors, exchange)
    if isinstance(extension, Reply):
        return extension
    if doors.init_is_over:
        # The facts give the status only; type and text are modelled on those of a late registration.
        return refusal(403, f"{api.value}.SubscriptionClosed", f"{api.value} API subscription closed already")
    other = doors.subscriptions.api_of(extension.identifier)
    if other not in (None, api):  # that it is refused is documented; the text is modelled on the others
        return refusal(
            403, f"{api.value}.AlreadySubscribed", f"Extension is subscribed by the {other.value} API already"
        )
    if body is None:
        return too_large(BODY_BYTES)
    try:
        subscription = parse_subscription(api, body)
    except SubscriptionRefused as refused:
        return refusal(400, _VALIDATION[api], str(refused))
    doors.subscriptions.add(extension.identifier, subscription)
    doors.listener.subscribed(Subscribed(extension, api.value.lower(), subscription.types))
    return Reply(200, b"OK", "text/plain; charset=utf-8")
