"""EventBridge: rules invoke functions, publish to topics and write to Neve's log groups, and a target that fails spoils
nothing for the others.

moto knows rules, patterns and transformers; of targets it has queues, archives and other buses. A disabled rule says
nothing. Source: AWS, "Event structure", "Input transformation".
"""

import copy
import json
from collections.abc import Mapping
from typing import Any

from moto.events import models
from moto.events.utils import EventTemplateParser

from neve.neighbours.child.functions import Neve
from neve.neighbours.child.replace import replace
from neve.neighbours.child.say import say
from neve.neighbours.child.times import seconds

_MEMBERS = ("version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail")


def install(neve: Neve) -> None:
    """From now on."""

    def made(send_to_targets: Any) -> Any:
        def sent(self: Any, original_event: Any, transform_input: bool = True) -> None:
            scheduled = original_event["source"] == "aws.events" and original_event["resources"] == [self.arn]
            if self.state == "ENABLED" and (scheduled or _matches(self, original_event)):
                for target in list(self.targets):
                    _send(neve, send_to_targets, self, target, original_event)

        return sent

    replace(models.Rule, "send_to_targets", made)


def _matches(rule: Any, event: Mapping[str, Any]) -> bool:
    """A rule without a pattern has a schedule, and hears of nothing else."""
    return bool(rule.event_pattern.get_pattern() and rule.event_pattern.matches_event(shown(event)))


def shown(event: Mapping[str, Any]) -> dict[str, Any]:
    """The event as targets and patterns see it."""
    return {name: seconds(event[name]) if name == "time" else event[name] for name in _MEMBERS if name in event}


def _send(neve: Neve, send_to_targets: Any, rule: Any, target: Mapping[str, Any], event: Mapping[str, Any]) -> None:
    try:
        service = target["Arn"].split(":")[2]
        if service == "lambda":
            neve.invoke_event(target["Arn"], body(target, event))
        elif service == "logs":
            _, _, _, region, account, _, group, *_ = target["Arn"].split(":")
            neve.log_event(account, region, group, body(target, event))
        elif service in ("sqs", "sns"):
            _put(service, target, json.dumps(body(target, event)))
        else:
            alone = copy.copy(rule)
            alone.targets = [target]
            send_to_targets(alone, event)
    except NotImplementedError:
        say(f"rule {rule.name}: moto does not deliver to {target['Arn']}")
    except Exception as error:  # noqa: BLE001 - on AWS, too, who puts an event hears nothing of its targets
        say(f"rule {rule.name}: {target['Arn']} did not get an event: {error!r}")


def body(target: Mapping[str, Any], event: Mapping[str, Any]) -> Any:
    """What a target wants of the event: all of it, a part, a constant, or a template."""
    if "Input" in target:
        return json.loads(target["Input"])
    if "InputPath" in target:
        return _part(shown(event), target["InputPath"])
    if "InputTransformer" in target:
        transformer = target["InputTransformer"]
        whole = shown(event) | {"ingestion-time": seconds(event.get("ingestion-time", event.get("time")))}
        return EventTemplateParser.parse(
            input_template=transformer["InputTemplate"],
            input_paths_map=transformer.get("InputPathsMap", {}),
            event=whole,  # type: ignore[arg-type]
        )
    return shown(event)


def _part(event: Mapping[str, Any], path: str) -> Any:
    from jsonpath_ng.ext.parser import parse

    found = parse(path).find(event)
    return found[0].value if found else None


def _put(service: str, target: Mapping[str, Any], text: str) -> None:
    _, _, _, region, account, name = target["Arn"].split(":", 5)
    if service == "sns":
        from moto.sns.models import sns_backends

        sns_backends[account][region].publish(arn=target["Arn"], message=text)
        return
    from moto.sqs.models import sqs_backends

    group = target.get("SqsParameters", {}).get("MessageGroupId")
    sqs_backends[account][region].send_message(queue_name=name, message_body=text, group_id=group)
