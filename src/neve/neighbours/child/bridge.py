"""Everything of moto that leads to functions leads to Neve's."""

from functools import partial

from moto.awslambda import utils

from neve.neighbours.child import buckets, queues, rules, schedules, topics
from neve.neighbours.child.functions import Backend, Neve
from neve.neighbours.child.replace import replace


def install(url: str) -> None:
    """From now on, for the Neve at `url`."""
    neve = Neve(url)
    replace(utils, "get_backend", lambda before: partial(Backend, neve))
    topics.install(neve)
    buckets.install(neve)
    rules.install(neve)
    schedules.install(neve)
    queues.install()
