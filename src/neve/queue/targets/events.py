"""An event bus: the record as the detail of an event. Source: async-invocation facts §3."""

from neve.domain.destination import Delivery, DeliveryKind
from neve.domain.world import World
from neve.queue.targets.clients import Clients, refusal

_ENTRY_FAILED = {"InternalFailure": 500, "InternalException": 500}


def put(clients: Clients, delivery: Delivery) -> None:
    """Put one event. TargetRejected and TargetUnreachable for an entry that is refused; what botocore raises is raised."""
    _, _, _, region, account, _ = delivery.target_arn.split(":", 5)
    outcome = "Success" if delivery.kind is DeliveryKind.ON_SUCCESS else "Failure"
    entry = {
        "Source": "lambda",
        "DetailType": f"Lambda Function Invocation Result - {outcome}",
        "Detail": delivery.body.decode(),
        "Resources": [delivery.target_arn, delivery.function_arn],
        "EventBusName": delivery.target_arn,
    }
    if delivery.trace_header:
        entry["TraceHeader"] = delivery.trace_header
    answer = clients.client("events", World(account, region)).put_events(Entries=[entry])
    if answer["FailedEntryCount"]:
        failed = answer["Entries"][0]
        code = failed.get("ErrorCode", "InternalFailure")
        raise refusal(_ENTRY_FAILED.get(code, 400), code, failed.get("ErrorMessage", ""))
