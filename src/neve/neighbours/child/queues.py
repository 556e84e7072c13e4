"""SQS: a message remembers the X-Ray header of the request that sent it, as on AWS; event sources read it."""

from typing import Any

from moto.sqs import models

from neve.neighbours.child.functions import trace_of_request
from neve.neighbours.child.replace import replace

_NAME = "AWSTraceHeader"


def install() -> None:
    """From now on."""

    def made(send_message: Any) -> Any:
        def sent(self: Any, *arguments: Any, **more: Any) -> Any:
            trace = trace_of_request()
            given = more.get("system_attributes") or {}
            if trace and _NAME not in given and len(arguments) < 7:
                more["system_attributes"] = given | {_NAME: {"DataType": "String", "StringValue": trace}}
            return send_message(self, *arguments, **more)

        return sent

    replace(models.SQSBackend, "send_message", made)
