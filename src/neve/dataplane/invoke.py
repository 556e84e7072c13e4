"""The one path to user code, for callers and workers alike: slot → environment → result."""

import asyncio
import contextlib
import os
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import msgspec

from neve import __version__, log
from neve.clock import Clock
from neve.dataplane import layer_root
from neve.dataplane.environment import Environment
from neve.dataplane.fitting import RuntimeKind, blank, kind_of, misfit
from neve.dataplane.growth import Growths
from neve.dataplane.leak_levels import LeakLevels
from neve.dataplane.plan import PROVISIONED, Plan
from neve.dataplane.pool import Pool
from neve.dataplane.prestarted import Prestarted
from neve.dataplane.provisioned import Targets, allocation
from neve.dataplane.rates import Rates
from neve.dataplane.response_stream import Pace, ResponseStream
from neve.dataplane.run import Run
from neve.dataplane.runtime_api.subscriptions import Feed
from neve.dataplane.runtimes import Runtime, Runtimes
from neve.dataplane.sandbox.sandbox import Command, Folders, Limits, SandboxKind
from neve.dataplane.session_keys import SessionKeys
from neve.dataplane.slots import Holder, Slots, throttled
from neve.dataplane.source_places import SourcePlaces
from neve.dataplane.stock import Stock
from neve.dataplane.stream import LogTails, Stream
from neve.dataplane.variables import WRAPPER, hidden_from_extensions, variables, with_language
from neve.domain import record as kinds
from neve.domain import runtime_names
from neve.domain.concurrency import Allocation, FunctionLimits, Throttled
from neve.domain.environment import State
from neve.domain.errors import PlatformError
from neve.domain.function import LATEST, Function
from neve.domain.invocation import Invocation, InvocationResult
from neve.domain.limits import MEMORY_MB_PER_CPU
from neve.domain.record import Origin, Record
from neve.domain.request_rate import RATE_LIMIT, RESERVED_RATE_LIMIT, allowances
from neve.domain.system_log import iso_time
from neve.domain.tracing import ACTIVE, begin_segment
from neve.domain.world import World
from neve.settings import Settings

# How long a caller waits for the slot of an invocation that has answered; far longer than a runtime needs on a busy machine.
_MOMENT_S = 0.2

# How long what has answered may take until it is idle, where somebody waits for that, and how often he looks.
_DRAINED_S = 10.0
_LOOK_S = 0.005
_NEARLY_IDLE = frozenset({State.DRAINING, State.RESETTING})


class TaskRoots(Protocol):
    """Where the code of a function lies, unpacked."""

    async def path(self, function: Function) -> Path:
        """The folder; made when it is not there."""


class LayerRoots(Protocol):
    """Where the layers of a function lie, merged."""

    async def path(self, function: Function) -> Path | None:
        """The folder that it sees as `/opt`; None without layers."""


@dataclass(frozen=True)
class Foundations:
    """What the data plane stands on."""

    kind: SandboxKind
    runtimes: Runtimes
    task_roots: TaskRoots
    layer_roots: LayerRoots
    stream: Stream
    clock: Clock
    settings: Settings


class DataPlane:
    """Runs invocations. Nothing above knows in which process an environment lives."""

    def __init__(self, foundations: Foundations, endpoint: str) -> None:
        self.clock = foundations.clock
        self.settings = foundations.settings
        self.runtimes = foundations.runtimes
        self._endpoint = endpoint  # our own door, as functions reach it
        self._foundations = foundations
        self._pools: dict[Holder, Pool] = {}
        self._retired: set[Pool] = set()
        self._slots = Slots(foundations.settings.concurrency)
        self._growths = Growths(foundations.clock)
        self._rates = Rates(foundations.clock)
        self._targets = Targets(self._pool)
        self._tails = LogTails()
        self._planned: dict[Holder, tuple[Function, Runtime]] = {}  # what each runs on
        self._noticed: set[tuple[World, str, str]] = set()
        self._graces: dict[tuple[World, str], float] = {}
        self._loop = asyncio.get_running_loop()
        self._quiet = asyncio.Event()
        self._running = 0
        self._closing = False
        kind, size = foundations.kind, foundations.settings.prestarted
        self.stock = Stock(kind, self.runtimes, self.clock, size, lambda: self._running > 0)
        self.feed = Feed(foundations.clock)
        self.places = SourcePlaces()
        self._leak_levels = LeakLevels(foundations.settings.leaks)
        foundations.stream.subscribe(self._tails)
        foundations.stream.subscribe(self._leak_levels, self._leak_levels.types)
        foundations.stream.subscribe(self.feed)
        self.session_keys = SessionKeys(checked=foundations.settings.auth != "none")
        foundations.stream.subscribe(self.session_keys)

    # Invocations

    async def invoke(self, invocation: Invocation, of_event: bool = False) -> InvocationResult:
        """Run it and return what the caller gets. TooManyRequests without a free slot; PlatformError when Neve stops.

        A caller that gives up does not end the invocation: as on Lambda it runs to its end. One `of_event` has no rate.
        """
        run = await self._begin(invocation, of_event)
        return await run.result  # nobody else waits for it: cancelled with the caller, it is a result that nobody takes

    async def stream(self, invocation: Invocation) -> ResponseStream:
        """Run it and return what the caller reads its response from. Errors as `invoke`, also from the stream."""
        run = await self._begin(invocation, streams=True)
        assert run.stream is not None
        return run.stream

    async def _begin(self, invocation: Invocation, of_event: bool = False, streams: bool = False) -> Run:
        holder = _holder(invocation.function)
        self._check_open()
        if self.settings.limit_rate and not of_event:
            self._check_rate(holder)
        admission = self._slots.take(holder)
        if isinstance(admission, Throttled):
            await self._take_soon(holder, admission)
        try:
            pool = await self._pool(invocation.function)
            self._check_open()  # an environment that is started after the end of all others would be nobody's
        except BaseException:
            self._slots.give_back(holder)
            raise
        return self._submit(pool, invocation, streams)

    def _check_open(self) -> None:
        if self._closing:
            raise PlatformError("Neve is stopping and takes no new invocations.")

    def _check_rate(self, holder: Holder) -> None:
        limits, unreserved = self._slots.limits(holder)
        if limits.reserved == 0:
            return  # it is off, which the slots will say
        if not self._rates.take(holder.world, allowances(holder.name, holder.version, limits, unreserved)):
            raise throttled(RATE_LIMIT if limits.reserved is None else RESERVED_RATE_LIMIT)

    async def _take_soon(self, holder: Holder, why: Throttled) -> None:
        """An invocation that has answered gives its slot back at once: who comes back that quickly is not throttled."""
        share = self._slots.share(holder)
        answered = (pool for pool in self._all_pools() if any(each.state is State.DRAINING for each in pool))
        if not any(self._slots.share(_holder(pool.function)) == share for pool in answered):
            raise throttled(why)
        await self._slots.take_within(holder, _MOMENT_S)

    def _submit(self, pool: Pool, invocation: Invocation, streams: bool) -> Run:
        holder = _holder(invocation.function)
        result: asyncio.Future[InvocationResult] = self._loop.create_future()
        if invocation.wants_log_tail:
            self._tails.watch(invocation.request_id)
        self._running += 1
        invocation, segment_id = _traced(invocation)
        run = Run(invocation, result, lambda: self._finished(holder, invocation.request_id), segment_id=segment_id)
        if streams:
            run.stream = ResponseStream(result, Pace() if self.settings.limit_bandwidth else None)
        pool.submit(run)
        return run

    def _finished(self, holder: Holder, request_id: str) -> None:
        self._slots.give_back(holder)
        self._tails.take(request_id)  # of one that was refused
        self._running -= 1
        if not self._running:
            self._quiet.set()

    # Pools

    async def _pool(self, function: Function) -> Pool:
        key = _holder(function)
        pool = self._pools.get(key)
        if pool is not None and _serves(pool, function):
            return pool
        plan = await self._plan(function)
        pool = self._pools.get(key)
        if pool is not None and _serves(pool, function):
            return pool  # another invocation made it meanwhile
        self._retire_pool(key)
        pool = self._new_pool(function, plan)
        self._pools[key] = pool
        if not self._closing:
            pool.provision(self._targets.of(key))
        return pool

    def retire(self, function: Function) -> None:
        """The function changed or is gone: environments of before end when they are done."""
        self._planned.pop(_holder(function), None)
        self._leak_levels.forget(_holder(function))
        self._retire_pool(_holder(function))
        self.stock.look()

    def _retire_pool(self, key: Holder) -> None:
        pool = self._pools.pop(key, None)
        if pool is None:
            return
        pool.retire()
        if not pool.empty:
            self._retired.add(pool)

    async def look_for_runtimes_again(self) -> None:
        """Something was installed: functions that it is for get environments of their own with it."""
        for holder, (function, before) in list(self._planned.items()):
            now = await asyncio.to_thread(self.runtimes.find, function.runtime, function.memory_mb)
            if now == before or self._planned.get(holder) != (function, before):
                continue
            self._retire_pool(holder)
            target = self._targets.of(holder)
            if target and not self._closing:
                self._targets.keep({holder: function}, {holder: target})
        self.stock.renew()

    async def _plan(self, function: Function) -> Plan:
        """What all environments of this configuration share, worked out once."""
        # The first look for a binary walks the version managers of the user.
        runtime = await asyncio.to_thread(self.runtimes.find, function.runtime, function.memory_mb)
        folders = Folders(
            await self._foundations.task_roots.path(function),
            runtime.directory,
            await self._foundations.layer_roots.path(function),
            runtime.installation,
            runtime.packages,
        )
        extensions = await asyncio.to_thread(layer_root.extensions, folders.layers)
        self._planned[_holder(function)] = function, runtime
        self._tell_of(function, runtime)

        def command(log_stream: str) -> Command:
            return self._command(function, runtime, folders, log_stream, extensions)

        return Plan(
            function=function,
            command=command,
            runtime_version=f"{runtime.family}:{runtime.major}.neve.v{__version__}",
            runtime_version_arn=runtime_names.version_arn(function.world.region, function.runtime),
            extensions=extensions,
            prestarts=await asyncio.to_thread(self._prestarts, function, runtime, command("")),
        )

    def _prestarts(self, function: Function, runtime: Runtime, command: Command) -> RuntimeKind | None:
        kind = kind_of(function.runtime, function.memory_mb)
        if kind is None or misfit(blank(runtime, self._foundations.kind), command, runtime.family):
            return None
        return kind

    def _command(
        self, function: Function, runtime: Runtime, folders: Folders, log_stream: str, extensions: Sequence[str]
    ) -> Command:
        seen = self._foundations.kind.seen(folders)
        given = self.session_keys.give(function, log_stream)
        environment = variables(function, runtime.family, runtime.major, log_stream, seen, self._endpoint, given)
        wrapper = environment.get(WRAPPER) if runtime.family != "provided" else None
        argv = runtime.argv_in(seen, folders)
        environment |= self._leak_levels.variables(_holder(function), runtime.family, function.memory_mb)
        if seen.language is None and runtime.binary is not None:
            environment["PATH"] = with_language(environment["PATH"], runtime.binary.parent)
        return Command(
            (wrapper, *argv) if wrapper else argv,
            environment,
            seen.task_root,
            folders,
            [seen.layers / layer_root.EXTENSIONS / name for name in extensions] if seen.layers is not None else [],
            hidden_from_extensions(environment),
        )

    def _new_pool(self, function: Function, plan: Plan) -> Pool:
        ahead = replace(plan, initialization_type=PROVISIONED)
        return Pool(
            function,
            lambda owner, provisioned: self._environment(ahead if provisioned else plan, owner),
            lambda wanted: self._growths.start(function.world, function.name, wanted),
        )

    def _environment(self, plan: Plan, owner: Pool) -> Environment:
        function = plan.function
        cpu = function.memory_mb / MEMORY_MB_PER_CPU if self.settings.limit_cpu else None
        limits = Limits(function.memory_mb, function.ephemeral_storage_mb, cpu)
        prestarted = self._take_prestarted(plan, limits)
        identity = prestarted.id if prestarted else uuid.uuid4().hex
        sandbox = prestarted.sandbox if prestarted else self._foundations.kind.create(identity, limits)
        origin = Origin(
            world=function.world,
            function_name=function.name,
            version=function.version,
            environment_id=identity,
            log_group=function.logging.log_group,
            log_stream=f"{iso_time(self.clock.now_ms())[:10].replace('-', '/')}/[{function.version}]{identity}",
            log_format=function.logging.log_format,
            system_log_level=function.logging.system_log_level or "INFO",
            architecture=function.architectures[0],
            storage_mb=function.ephemeral_storage_mb,
            code_sha256=function.code.sha256,
        )
        environment = Environment(identity, origin, plan, sandbox, self, owner, prestarted)
        told = {"prestarted": prestarted is not None}
        self.publish(Record(kinds.ENVIRONMENT_STARTED, self.clock.now_ms(), origin, None, told))
        return environment

    def _take_prestarted(self, plan: Plan, limits: Limits) -> Prestarted | None:
        """For an invocation that waits; what is provisioned ahead has time."""
        if plan.prestarts is None or plan.initialization_type == PROVISIONED:
            return None
        return self.stock.take(plan.prestarts, plan.command(""), limits)

    # What environments ask for

    def publish(self, record: Record) -> None:
        """Tell the stream."""
        self._foundations.stream.publish(record)

    def log_tail(self, request_id: str) -> bytes:
        """The tail that was kept for this invocation."""
        return self._tails.take(request_id)

    def freeze_grace_s(self, origin: Origin) -> float:
        """What was asked for this function, else what the settings say."""
        return self._graces.get((origin.world, origin.function_name), self.settings.freeze_grace_ms / 1000.0)

    def _tell_of(self, function: Function, runtime: Runtime) -> None:
        """What somebody should know of the runtime before he wonders."""
        if runtime.mismatch is not None:
            self._notice(function, runtime.mismatch)
        deprecation = runtime_names.deprecation(function.runtime, iso_time(self.clock.now_ms())[:10])
        if deprecation is not None:
            self._notice(function, deprecation)

    def _notice(self, function: Function, text: str) -> None:
        """Say it, once for a function."""
        if (function.world, function.name, text) in self._noticed:
            return
        self._noticed.add((function.world, function.name, text))
        log.note("notice", function=function.unqualified_arn, text=text)
        origin = Origin(function.world, function.name, function.version, "", function.logging.log_group, "")
        self.publish(Record(kinds.NOTICE, self.clock.now_ms(), origin, None, {"text": text}))

    # Looking and ending

    def environments(self) -> Iterator[Environment]:
        """Every environment that is not gone."""
        for pool in self._all_pools():
            yield from pool

    def functions(self) -> list[Function]:
        """Every function version that has environments or is about to."""
        return [pool.function for pool in (*self._pools.values(), *(each for each in self._retired if not each.empty))]

    def _all_pools(self) -> tuple[Pool, ...]:
        return (*self._pools.values(), *self._retired)

    def limit(self, world: World, name: str, limits: FunctionLimits, provisioned: Sequence[Function] = ()) -> None:
        """What a function sets aside from now on; what is running goes on. `provisioned` are the versions that it keeps
        environments of."""
        self._slots.limit(world, name, limits)
        functions = {_holder(each): each for each in provisioned}
        targets = {holder: limits.provisioned[holder.version] for holder in functions}
        for holder in self._targets.drop(world, name, targets):
            if holder in self._pools:
                self._pools[holder].provision(0)
        if not self._closing:
            self._targets.keep(functions, targets)

    def is_off(self, world: World, name: str) -> bool:
        """Whether the function's reserved concurrency is 0."""
        return self._slots.is_off(world, name)

    def allocation(self, world: World, name: str, version: str) -> Allocation:
        """What there is of the environments that a version keeps."""
        holder = Holder(world, name, version)
        return allocation(self._pools.get(holder), self._targets.unplanned(holder))

    def stop_idle_since(self, moment: float) -> float | None:
        """Shut down environments that were idle since `moment`; when the one idle longest was last used, or None."""
        self._retired = {pool for pool in self._retired if not pool.empty}
        self._growths.forget_idle()
        self._rates.forget_idle()
        oldest = [pool.stop_idle_since(moment) for pool in self._pools.values()]
        return min((each for each in oldest if each is not None), default=None)

    # Fates on purpose

    def set_grace(self, world: World, name: str, grace_s: float | None) -> None:
        """How long idle environments of a function wait before they freeze, those that wait now included; None: as the
        settings say."""
        if grace_s is None:
            self._graces.pop((world, name), None)
        else:
            self._graces[world, name] = grace_s
        for environment in self._of(world, name):
            environment.freeze_soon()

    async def reclaim(self, world: World, name: str) -> list[str]:
        """Shut down the idle environments of a function and wait until they are gone: their ids. Those that have answered
        are waited for, those that run stay."""
        await self._wait_drained(world, name)
        ending: list[Environment] = []
        for pool in self._all_pools():
            if (pool.function.world, pool.function.name) == (world, name):
                ending += pool.stop_idle()
        await asyncio.gather(*(environment.wait_stopped() for environment in ending))
        return [environment.id for environment in ending]

    async def _wait_drained(self, world: World, name: str) -> None:
        """An answer reaches its caller before the runtime asks for the next event."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_DRAINED_S):
                while any(each.state in _NEARLY_IDLE for each in self._of(world, name)):  # noqa: ASYNC110 - rarely asked
                    await asyncio.sleep(_LOOK_S)

    def _of(self, world: World, name: str) -> list[Environment]:
        return [each for each in self.environments() if (each.origin.world, each.origin.function_name) == (world, name)]

    async def close(self, patience_s: float, hurry: asyncio.Event) -> None:
        """Take no more, let what runs end, and wait until every environment is gone.

        What still runs after `patience_s` seconds, or when `hurry` is set, is ended.
        """
        self._closing = True
        await self._targets.close()
        await self.stock.close()
        if not await self._all_ended(patience_s, hurry):
            self._abandon()
        for key in list(self._pools):
            self._retire_pool(key)
        await asyncio.gather(*(environment.wait_stopped() for environment in list(self.environments())))

    async def _all_ended(self, patience_s: float, hurry: asyncio.Event) -> bool:
        if not self._running:
            return True
        self._quiet.clear()
        waits = [asyncio.create_task(self._quiet.wait()), asyncio.create_task(hurry.wait())]
        await asyncio.wait(waits, timeout=patience_s, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        return not self._running

    def _abandon(self) -> None:
        for pool in self._all_pools():
            pool.abandon(lambda run: run.refuse(PlatformError("Neve was stopped before the invocation began.")))


def _holder(function: Function) -> Holder:
    return Holder(function.world, function.name, function.version)


def _traced(invocation: Invocation) -> tuple[Invocation, str | None]:
    """An actively traced function begins a segment for each run that is sampled."""
    if invocation.function.tracing_mode != ACTIVE:
        return invocation, None
    segment_id = os.urandom(8).hex()
    header = begin_segment(invocation.trace_id, segment_id)
    return (invocation, None) if header is None else (msgspec.structs.replace(invocation, trace_id=header), segment_id)


def _serves(pool: Pool, function: Function) -> bool:
    """Whether its environments are of that configuration. A published version never changes, whatever its revision."""
    return function.version != LATEST or pool.function.revision_id == function.revision_id
