"""Rules with a schedule fire, by Neve's clock: one that is moved ahead by an hour fires what was due in that hour.

A thread looks once a second, from the first such rule on. Source: AWS, "Scheduled Event".
"""

import threading
import time
import uuid
from dataclasses import dataclass
from typing import Any

from moto.events import models

from neve.neighbours.child.functions import Neve
from neve.neighbours.child.replace import replace
from neve.neighbours.child.say import say
from neve.neighbours.child.schedule import next_after
from neve.neighbours.child.times import seconds

LOOK_SECONDS = 1.0
AT_ONCE = 100
"""How often a rule fires for one move of the clock; what was due besides is left out."""


@dataclass
class _Planned:
    rule: Any
    due: float


class Schedules:
    """The rules that have one, and when each is due next."""

    def __init__(self, neve: Neve) -> None:
        self._neve = neve
        self._planned: list[_Planned] = []
        self._looking: threading.Thread | None = None
        self._lock = threading.Lock()

    def plan(self, rule: Any) -> None:
        """From now on."""
        due = next_after(rule.scheduled_expression, self._neve.now())
        if due is None:
            return
        with self._lock:
            self._planned.append(_Planned(rule, due))
            if self._looking is None:
                self._looking = threading.Thread(target=self._look, name="schedules", daemon=True)
                self._looking.start()

    def _look(self) -> None:
        while True:
            time.sleep(LOOK_SECONDS)
            with self._lock:
                self._planned = [each for each in self._planned if _is_there(each.rule)]
                planned = list(self._planned)
            now = self._neve.now() if planned else 0.0
            for each in planned:
                self._fire(each, now)

    def _fire(self, planned: _Planned, now: float) -> None:
        fired = 0
        while planned.due <= now:
            if fired < AT_ONCE:
                planned.rule.send_to_targets(event(planned.rule, planned.due))
            fired += 1
            planned.due = next_after(planned.rule.scheduled_expression, planned.due) or float("inf")
        if fired > AT_ONCE:
            say(f"rule {planned.rule.name} was due {fired} times at once, and fired {AT_ONCE} times")


def install(neve: Neve) -> None:
    """From now on."""
    schedules = Schedules(neve)

    def made(put_rule: Any) -> Any:
        def put(self: Any, *arguments: Any, **more: Any) -> Any:
            rule = put_rule(self, *arguments, **more)
            if rule.scheduled_expression:
                schedules.plan(rule)
            return rule

        return put

    replace(models.EventsBackend, "put_rule", made)


def event(rule: Any, due: float) -> dict[str, Any]:
    """What the targets of a scheduled rule get."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": rule.account_id,
        "time": seconds(due),
        "region": rule.region_name,
        "resources": [rule.arn],
        "detail": {},
    }


def _is_there(rule: Any) -> bool:
    """Not deleted, nor put again."""
    bus = models.events_backends[rule.account_id][rule.region_name].event_buses.get(rule.event_bus_name)
    return bus is not None and bus.rules.get(rule.name) is rule
