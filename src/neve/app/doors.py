"""The doors that callers come in by: Lambda's and the logs' API, our own API, function URLs, and the way to neighbours."""

import asyncio
from typing import Any

from neve.api import families, url_address
from neve.api.body import body_limits
from neve.api.calls import Calls
from neve.api.door import Service, create_door, new_request_id
from neve.api.http import Application
from neve.api.lending import as_it_is, signed_with
from neve.api.own import House, create_own
from neve.api.url_callers import believed, proven
from neve.api.url_door import UrlHouse, with_function_urls
from neve.app.machine import survey_items
from neve.app.parts import Ground, Parts
from neve.companions.logs import api as logs_api
from neve.dataplane.side_by_side import SideBySide
from neve.pictures.draw import draw


def door_of(ground: Ground, parts: Parts) -> Application:
    """One application for every call."""
    calls = Calls(ground.clock.now_ms)
    services = {
        "lambda": _lambda(ground, parts),
        "logs": Service("logs", logs_api.operations(ground.storage.logs, ground.clock)),
    }
    door = create_door(
        services,
        create_own(_house(ground, parts, calls)),
        families.raw_operations(parts.events.invoker),
        parts.neighbours.directory,
        calls=calls,
        gate=parts.callers.gate,
    )
    return with_function_urls(door, _url_house(ground, parts), new_request_id)


def _lambda(ground: Ground, parts: Parts) -> Service:
    callers, settings = parts.callers, ground.settings
    operations = families.operations(
        parts.control.functions,
        lambda: ground.url,
        url_address.chosen(settings.function_urls, ground.url),
        as_it_is if callers.gate is None else signed_with(callers.secret),
    )
    return Service("lambda", operations, body_limits(settings.quotas), refused=families.REFUSED)


def _house(ground: Ground, parts: Parts, calls: Calls) -> House:
    return House(
        parts.plane,
        parts.control.functions,
        parts.events.queue,
        ground.stream,
        ground.clock,
        ground.kind,
        parts.books.leaks,
        calls,
        parts.books.traces,
        SideBySide(ground.storage.task_roots),
        draw,
        parts.books.costs,
        _survey,
        ground.closing,
    )


def _url_house(ground: Ground, parts: Parts) -> UrlHouse:
    functions, gate = parts.control.functions, parts.callers.gate
    callers = believed if gate is None else proven(gate)
    return UrlHouse(functions.urls, functions.permissions, parts.events.invoker, ground.clock, callers)


async def _survey() -> list[dict[str, Any]]:
    return await asyncio.to_thread(survey_items)
