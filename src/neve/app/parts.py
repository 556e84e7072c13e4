"""The parts of a running Neve: what each is made of, and the order in which they close.

Everything stands on the ground (`Ground`), and what belongs together is made together: the data plane, who may call, the
verbs, the neighbours, the events, the books. What several parts close in turns stands in one place, `Parts.close`.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from neve.analysis.costs import CostBook
from neve.analysis.leaks import LeakBook
from neve.analysis.trace_book import TraceBook
from neve.api.door import new_request_id
from neve.api.gate import Gate
from neve.app.storage import Storage
from neve.app.tasks import end
from neve.clock import Clock
from neve.companions.logs.writer import LogWriter
from neve.control.credentials import Credentials
from neve.control.functions import Functions
from neve.control.invoke import Invoker, InvokeRequest, run_event
from neve.control.keys import Keys
from neve.dataplane.binaries import Places
from neve.dataplane.idler import run_idler
from neve.dataplane.invoke import DataPlane, Foundations
from neve.dataplane.runtimes import Runtimes
from neve.dataplane.sandbox.sandbox import SandboxKind
from neve.dataplane.stream import Stream
from neve.domain.function import Function
from neve.domain.invocation import InvocationType
from neve.domain.price import read_prices
from neve.domain.world import World
from neve.neighbours.directory import Directory
from neve.neighbours.elsewhere import neighbour_at
from neve.neighbours.endpoints import parse_endpoints
from neve.neighbours.moto import Moto
from neve.neighbours.process import MotoProcess
from neve.queue.code_objects import CodeObjects
from neve.queue.event_queue import EventQueue
from neve.queue.sources import Sources
from neve.queue.targets.choice import AllTargets
from neve.queue.worker import Callables
from neve.settings import Settings

_HOUSEKEEPING_SECONDS = 3600.0


@dataclass(frozen=True)
class Ground:
    """What every part stands on. `url` is that of our own door; `closing` is set when the end has begun."""

    settings: Settings
    storage: Storage
    kind: SandboxKind
    clock: Clock
    url: str
    closing: asyncio.Event
    stream: Stream = field(default_factory=Stream)


@dataclass(frozen=True)
class Callers:
    """Who may call: the access keys, what our own parts sign with, and the gate, which is None when nobody is asked."""

    keys: Keys
    secret: str
    gate: Gate | None


@dataclass(frozen=True)
class Control:
    """The verbs, and whom they ask about sources of events and about code in buckets."""

    functions: Functions
    sources: Sources
    objects: CodeObjects


@dataclass(frozen=True)
class Neighbours:
    """Who answers for the other AWS services, and moto's process, which may be one of them."""

    directory: Directory
    moto: MotoProcess


@dataclass(frozen=True)
class Events:
    """Whoever has to do with events: what accepts and runs them, what invokes, and where messages go."""

    queue: EventQueue
    invoker: Invoker
    targets: AllTargets


@dataclass(frozen=True)
class Books:
    """What is remembered of runs: their leaks, how they went, what they used."""

    leaks: LeakBook
    traces: TraceBook
    costs: CostBook


@dataclass(frozen=True)
class Parts:
    """All parts of a running Neve."""

    plane: DataPlane
    callers: Callers
    control: Control
    neighbours: Neighbours
    events: Events
    books: Books

    async def close(self, tasks: "Sequence[asyncio.Task[None]]") -> None:
        """After the data plane gave its last answer. What is asked by another part closes after that part."""
        self.neighbours.directory.close()  # only deliveries to who does not answer still wait there
        await self.plane.stock.close()
        self.events.queue.close()
        await self.events.queue.wait_ended()
        self.events.targets.close()
        self.control.sources.close()
        self.control.objects.close()
        await end(tasks)
        await self.books.leaks.close()
        await self.callers.keys.note_use()
        await self.neighbours.moto.close()
        await self.control.functions.close()


async def wired(ground: Ground) -> Parts:
    """Every part, made and connected; none has begun."""
    keys = Keys(ground.storage.keys, ground.clock)
    await keys.load()
    plane = _plane(ground)
    ground.stream.subscribe(LogWriter(ground.storage.logs))
    callers = _callers(ground, keys, plane)
    control = _control(ground, plane, callers)
    neighbours = _neighbours(ground, callers)
    events = _events(ground, plane, control.functions, callers)
    return Parts(plane, callers, control, neighbours, events, _books(ground))


def begun(ground: Ground, parts: Parts) -> "Sequence[asyncio.Task[None]]":
    """What goes on beside the calls, until it is ended."""
    storage, plane, clock = ground.storage, parts.plane, ground.clock
    return [
        asyncio.create_task(run_idler(plane, clock, ground.settings.idle_seconds), name="idler"),
        asyncio.create_task(_keep_house(storage, plane, clock), name="housekeeping"),
        asyncio.create_task(parts.events.queue.keep_clean(), name="queue cleanup"),
        asyncio.create_task(parts.books.leaks.keep_written(), name="leaks"),
        asyncio.create_task(parts.callers.keys.keep_noted(), name="keys"),
    ]


async def _keep_house(storage: Storage, plane: DataPlane, clock: Clock) -> None:
    """Remove what nobody needs any more: log events past their retention, code that no version and no environment has."""
    while True:
        store, held = storage.functions, plane.functions()
        await storage.task_roots.remove_unused(store.code_in_use, held)
        await storage.layer_roots.remove_unused(store.code_in_use, store.layers_in_use, held)
        await storage.logs.expire(int(clock.now_ms()))
        await clock.sleep(_HOUSEKEEPING_SECONDS)


def _plane(ground: Ground) -> DataPlane:
    storage = ground.storage
    foundations = Foundations(
        ground.kind,
        Runtimes(Places.of_this_user(storage.made)),
        storage.task_roots,
        storage.layer_roots,
        ground.stream,
        ground.clock,
        ground.settings,
    )
    return DataPlane(foundations, endpoint=ground.url)


def _callers(ground: Ground, keys: Keys, plane: DataPlane) -> Callers:
    credentials = Credentials(keys.find, plane.session_keys.find)
    is_open = ground.settings.auth == "none"
    gate = None if is_open else Gate(credentials.find, plane.session_keys.has_ended)
    return Callers(keys, credentials.own_secret, gate)


def _control(ground: Ground, plane: DataPlane, callers: Callers) -> Control:
    storage, settings = ground.storage, ground.settings
    sources, objects = Sources(ground.url, callers.secret), CodeObjects(ground.url, callers.secret)

    async def prepare(function: Function) -> None:
        await storage.task_roots.path(function)
        await storage.layer_roots.path(function)
        plane.stock.look()

    functions = Functions(
        storage.functions,
        storage.blobs,
        ground.clock,
        prepare,
        plane.retire,
        refuse_deprecated=settings.refuse_deprecated,
        capacity=plane,
        account_concurrency=settings.concurrency,
        sources=sources,
        objects=objects,
        quotas=settings.quotas,
    )
    return Control(functions, sources, objects)


def _neighbours(ground: Ground, callers: Callers) -> Neighbours:
    moto = MotoProcess(ground.clock, ground.url, callers.secret, closed=callers.gate is not None)
    elsewhere = {name: neighbour_at(each) for name, each in parse_endpoints(ground.settings.endpoints).items()}
    return Neighbours(Directory(elsewhere, Moto(moto) if ground.settings.neighbours else None), moto)


def _events(ground: Ground, plane: DataPlane, functions: Functions, callers: Callers) -> Events:
    async def invoke(world: World, arn: str, payload: bytes, trace_header: str) -> None:
        kind = InvocationType.EVENT
        await invoker.invoke(InvokeRequest(world, new_request_id(), arn, None, kind, payload, trace_header))

    targets = AllTargets(ground.url, invoke, callers.secret)
    callables = Callables(partial(run_event, functions, plane), functions.event_invoke.policy_of, plane.is_off)
    queue = EventQueue(ground.storage.events, ground.clock, ground.stream, targets, callables, ground.settings)
    invoker = Invoker(functions, plane, ground.clock, queue.accept)
    return Events(queue, invoker, targets)


def _books(ground: Ground) -> Books:
    prices = read_prices(ground.settings.prices)
    books = Books(LeakBook(ground.storage.leaks), TraceBook(prices), CostBook(prices))
    for book in (books.leaks, books.traces, books.costs):
        ground.stream.subscribe(book, book.types)
    return books
