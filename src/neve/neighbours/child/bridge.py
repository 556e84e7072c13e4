"""Everything of moto that leads to functions leads to Neve's."""

from collections.abc import Callable, Mapping
from functools import cache, partial

from moto.awslambda import utils

from neve.neighbours.child import buckets, queues, rules, schedules, stacks, topics
from neve.neighbours.child.functions import Backend, Neve
from neve.neighbours.child.replace import replace


def install(url: str) -> Mapping[str, Callable[[], None]]:
    """From now on, for the Neve at `url`; what has to be done before a service is used for the first time, by service."""
    neve = Neve(url)
    replace(utils, "get_backend", lambda before: partial(Backend, neve))
    topics.install(neve)
    buckets.install(neve)
    rules.install(neve)
    schedules.install(neve)
    queues.install()
    return {"cloudformation": cache(partial(stacks.install, url))}
