"""A live execution environment: feeds what happens to the table in `domain/environment.py` and performs its actions.

It outlives its processes: each start of the runtime is a generation, and news of an earlier one is not listened to.
"""

import asyncio
import math
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from neve import log
from neve.dataplane import channel as frames
from neve.dataplane import failures
from neve.dataplane.output import Line, OutputPipe
from neve.dataplane.parties import Parties
from neve.dataplane.plan import PROVISIONED, Plan, Surroundings
from neve.dataplane.reporter import Measured, Reporter
from neve.dataplane.run import Run
from neve.dataplane.runtime_api.listener import Event
from neve.dataplane.sandbox.sandbox import Command, Exit, Sandbox
from neve.domain.environment import Action, Signal, State, transition
from neve.domain.errors import PlatformError, SandboxFailed
from neve.domain.invocation import InvocationResult, Status
from neve.domain.limits import MEBIBYTE, SYNC_RESPONSE_BYTES
from neve.domain.record import Origin

_USAGE_AGE_S = 0.05
_EXIT_AFTER_INIT_ERROR_S = 0.5


class Owner(Protocol):
    """The pool that an environment belongs to."""

    def settled(self, environment: "Environment") -> None:
        """The environment can take an invocation; freeze it if none waits."""

    def cleared(self, environment: "Environment") -> None:
        """The runtime of an environment that was idle ended by itself."""

    def released(self, environment: "Environment") -> None:
        """Nothing is left of the environment."""


@dataclass(frozen=True, slots=True)
class InitFailure:
    """Why an init phase failed: what callers get (None: say how the process ended), and what reports say."""

    error_type: str
    payload: bytes | None
    status: str = "error"
    end: Exit | None = None
    text: str | None = None


@dataclass(slots=True)
class _Generation:
    """One start of the runtime's processes."""

    parties: Parties
    output: OutputPipe
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    init_error: InitFailure | None = None
    up: bool = False
    early: list[tuple[int, Mapping[str, Any], bytes]] = field(default_factory=list)  # said before it was up
    over: bool = False


class Environment:
    """One environment. All methods belong to the event loop's thread."""

    def __init__(
        self, identity: str, origin: Origin, plan: Plan, sandbox: Sandbox, around: Surroundings, owner: Owner
    ) -> None:
        self.id = identity
        self.origin = origin
        self.state = State.STARTING
        self.started_ms = around.clock.now_ms()
        self.idle_since = around.clock.now()
        self.invocations = 0
        self._plan = plan
        self._sandbox = sandbox
        self._around = around
        self._owner = owner
        self._reporter = Reporter(origin, plan, around)
        self._loop = asyncio.get_running_loop()
        self._generation: _Generation | None = None
        self._run: Run | None = None
        self._init_started = 0.0
        self._init_told = False  # whether the runtime's part of this start was
        self._init_ms: float | None = None  # of a successful init phase, until the first REPORT has told it
        self._timer: asyncio.TimerHandle | None = None
        self._grace: asyncio.TimerHandle | None = None
        self._starting: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopped = asyncio.Event()
        self._memory_bytes = 0
        self._memory_seen = -math.inf
        self._idle_from: float | None = None

    @property
    def pid(self) -> int | None:
        """The runtime's process as the host sees it."""
        return self._sandbox.pid

    @property
    def provisioned(self) -> bool:
        """Whether it was initialized ahead."""
        return self._plan.initialization_type == PROVISIONED

    @property
    def memory_bytes(self) -> int:
        """The most that was resident at once."""
        self._look_at_memory()
        return self._memory_bytes

    # What the pool asks for

    def begin(self) -> None:
        """Start the init phase."""
        self._start_generation()

    def assign(self, run: Run) -> None:
        """Run an invocation here. Legal when the pool was told that the environment is settled."""
        self._run = run
        self.invocations += 1
        if self._grace is not None:
            self._grace.cancel()
            self._grace = None
        self._move(Signal.ASSIGN)

    def rest(self) -> None:
        """Nothing waits for this environment: freeze it, after the grace that the settings ask for (none, as on Lambda)."""
        self.idle_since = self._around.clock.now()
        if self.state is not State.READY:
            return
        grace_s = self._around.settings.freeze_grace_ms / 1000.0
        if grace_s > 0:
            self._grace = self._loop.call_later(grace_s, self._freeze_if_ready)
        else:
            self._move(Signal.FREEZE)

    def stop(self) -> None:
        """Begin the shutdown phase; `wait_stopped` tells when it is over. Not for an environment that has an invocation."""
        if self.state not in (State.STOPPING, State.DEAD):
            self._move(Signal.STOP)

    def abandon(self) -> None:
        """Neve stops and its patience is over: the caller gets an error of the platform, the processes go."""
        if self._run is not None:
            self._run.refuse(PlatformError("Neve was stopped before the invocation ended."))
            self._move(Signal.PROCESS_GONE, InitFailure(failures.EXIT, None, end=Exit(None, 9)))
        self.stop()

    async def wait_stopped(self) -> None:
        """Return when nothing is left of the environment."""
        await self._stopped.wait()

    # Moves

    def _move(self, signal: Signal, *details: Any) -> None:
        self.state, action = transition(self.state, signal)
        perform = _PERFORM.get(action)
        if perform is not None:
            perform(self, *details)

    def _settle(self, *_: Any) -> None:
        self._owner.settled(self)

    # Init phase

    def _start_generation(self) -> None:
        self._init_started = time.perf_counter()
        self._init_told = False
        if self.state is State.STARTING:
            self._reporter.init_started()
            self._timer = self._loop.call_later(self._around.settings.init_seconds, self._init_ran_out)
        self._starting = self._spawn(self._start())

    async def _start(self) -> None:
        try:
            await self._start_processes()
        except OSError as refused:  # no descriptor is left, no memory
            reason = (refused.strerror or str(refused)).lower()
            self._could_not_start(self._generation, SandboxFailed(f"the environment cannot be started: {reason}"))

    async def _start_processes(self) -> None:
        if self._ending is not None:  # the processes of the last generation are still going
            await asyncio.wait([self._ending])
        if self.state not in (State.STARTING, State.RESTARTING):
            return  # it was stopped, or ran out of time, before there was a process
        ours, theirs = socket.socketpair()
        output = OutputPipe(self._on_line)
        parties = Parties(self._plan, self._around.clock, ours, self._frame_reader())
        generation = _Generation(parties, output)
        self._generation = generation
        try:
            address = await parties.open()
            await self._sandbox.start(self._command(address), theirs, output.write_end)
        except SandboxFailed as error:
            self._could_not_start(generation, error)
            return
        finally:
            theirs.close()
            output.close_write_end()
        if not generation.over:
            self._watch(generation)

    def _command(self, address: str) -> Command:
        command = self._plan.command(self.origin.log_stream)
        own = {"AWS_LAMBDA_RUNTIME_API": address, "AWS_LAMBDA_INITIALIZATION_TYPE": self._plan.initialization_type}
        return replace(command, environment={**command.environment, **own})

    def _watch(self, generation: _Generation) -> None:
        self._move(Signal.PROCESS_UP)
        generation.tasks.add(self._spawn(self._wait_for_end(generation)))
        self._hear_early(generation)
        generation.parties.drain()  # a quick runtime may have spoken while it was being started

    def _hear_early(self, generation: _Generation) -> None:
        generation.up = True
        early, generation.early = generation.early, []
        for word in early:
            if not generation.over:
                self._on_frame(*word)

    def _could_not_start(self, generation: _Generation | None, error: SandboxFailed) -> None:
        if generation is not None and generation.over:
            return
        failure = InitFailure(failures.INVALID_ENTRYPOINT, None, text=error.message)
        log.warn("environment.start", environment=self.id, error=error.message)
        self._init_failed(Signal.INIT_FAILED, failure)

    def _init_ran_out(self) -> None:
        if self.state in (State.STARTING, State.INITIALIZING):
            self._init_failed(Signal.INIT_FAILED, InitFailure(failures.TIMEOUT, None, status="timeout"))

    def _init_failed(self, signal: Signal, failure: InitFailure) -> None:
        """The init phase is over without success; the state says whether an invocation was waiting for it."""
        self._drain(flush=True)
        self._init_ended(failure.status, failure.error_type)
        self._move(signal, failure)

    def _init_runtime_done(self, status: str, error_type: str | None = None) -> None:
        """The runtime's part of the init phase is over; extensions may still be at theirs."""
        if not self._init_told:
            self._init_told = True
            self._reporter.init_runtime_done(self._phase(), status, error_type, self._run)

    def _init_ended(self, status: str, error_type: str | None = None) -> None:
        self._init_runtime_done(status, error_type)
        duration_ms = (time.perf_counter() - self._init_started) * 1000.0
        phase = self._phase()
        self._reporter.init_ended(phase, status, error_type, duration_ms, self._run)
        if phase == "init" and status == "success":
            self._init_ms = duration_ms

    def _phase(self) -> str:
        """Which phase an init belongs to: a suppressed one is part of an invocation."""
        return "invoke" if self.state is State.RESTARTING else "init"

    # What the runtime says

    def _frame_reader(self) -> frames.OnFrame:
        def on_frame(kind: int, header: Mapping[str, Any], body: bytes) -> None:
            generation = self._generation
            if generation is None or generation.over:
                return
            if generation.up:
                self._on_frame(kind, header, body)
            else:
                generation.early.append((kind, header, body))

        return on_frame

    def _on_frame(self, kind: int, header: Mapping[str, Any], body: bytes) -> None:
        if kind == frames.NEXT:
            self._on_runtime_next()
        elif kind == frames.ALL_NEXT:
            self._on_all_next()
        elif kind in (frames.RESPONSE, frames.ERROR):
            self._on_answer(kind, header, body)
        elif kind in (frames.STREAM_START, frames.CHUNK, frames.STREAM_END):
            self._on_stream(kind, header, body)
        elif kind == frames.INIT_ERROR and self.state in (State.INITIALIZING, State.RESTARTING):
            self._on_init_error(InitFailure(str(header.get("type", failures.RUNTIME_UNKNOWN)), body))

    def _on_init_error(self, failure: InitFailure) -> None:
        """The runtime says why, and then exits: what it prints on its way out still belongs to the init."""
        generation = self._generation
        assert generation is not None
        if generation.init_error is not None:
            return
        generation.init_error = failure
        self._loop.call_later(_EXIT_AFTER_INIT_ERROR_S, self._exit_overdue, generation, failure)

    def _exit_overdue(self, generation: _Generation, failure: InitFailure) -> None:
        if not generation.over and self.state in (State.INITIALIZING, State.RESTARTING):
            self._init_failed(Signal.INIT_FAILED, failure)

    def _on_runtime_next(self) -> None:
        """The runtime asked; what extensions still do is not its own time any more."""
        if self.state in (State.INITIALIZING, State.RESTARTING):
            self._init_runtime_done("success")
        elif self.state in (State.INVOKING, State.DRAINING) and self._current().done is None:
            self._drain(flush=True)
            run = self._current()
            run.done = time.perf_counter()
            if run.answer is None:  # asked for the next event without an answer, runtime-api facts §1
                run.answer = self._no_answer(run)
            self._reporter.runtime_done(run, run.answer, run.done)

    def _no_answer(self, run: Run) -> InvocationResult:
        text = f"RequestId: {run.request_id} Error: Runtime exited without providing a reason"
        payload = failures.payload(failures.EXIT, text)
        return InvocationResult(Status.ERROR, payload, self._plan.function.version, failures.EXIT)

    def _on_all_next(self) -> None:
        if self.state in (State.INITIALIZING, State.RESTARTING):
            self._drain()
            self._look_at_memory()
            if self.state is State.INITIALIZING:
                self._cancel_timer()
            self._sandbox.initialized()
            self._init_ended("success")
            self._move(Signal.ALL_NEXT)
        elif self.state in (State.INVOKING, State.DRAINING):
            if self._has_extensions():
                self._drain(flush=True)
            self._move(Signal.ALL_NEXT)

    def _has_extensions(self) -> bool:
        return self._generation is not None and self._generation.parties.has_extensions

    def _on_answer(self, kind: int, header: Mapping[str, Any], body: bytes) -> None:
        run = self._run
        if (
            self.state is not State.INVOKING
            or run is None
            or run.done is not None
            or header.get("id") != run.request_id
        ):
            return  # a late answer to an earlier invocation is refused, runtime-api facts §1
        self._drain()
        run.answered = time.perf_counter()
        if run.answering is None:
            run.answering = run.answered
        run.answer = self._result(kind, header, body)
        self._move(Signal.ANSWER)

    def _on_stream(self, kind: int, header: Mapping[str, Any], body: bytes) -> None:
        """Invoke answers in one piece: a streamed response is collected, no further than a caller may get."""
        run = self._run
        if run is None or header.get("id") != run.request_id:
            return
        if kind == frames.STREAM_START:
            run.answering = time.perf_counter()
        elif kind == frames.CHUNK and len(run.streamed) <= SYNC_RESPONSE_BYTES:
            run.streamed += body
        elif kind == frames.STREAM_END:
            failed = "type" in header
            self._on_answer(
                frames.ERROR if failed else frames.RESPONSE, header, body if failed else bytes(run.streamed)
            )

    def _result(self, kind: int, header: Mapping[str, Any], body: bytes) -> InvocationResult:
        version = self._plan.function.version
        if len(body) > SYNC_RESPONSE_BYTES:
            return InvocationResult(Status.FAILURE, failures.too_large(), version, failures.TOO_LARGE)
        if kind == frames.ERROR:
            error_type = str(header.get("type", failures.RUNTIME_UNKNOWN))
            return InvocationResult(Status.FAILURE, body, version, error_type)
        return InvocationResult(Status.SUCCESS, body, version)

    def _on_line(self, line: Line) -> None:
        self._reporter.line(line, self._run)

    async def _wait_for_end(self, generation: _Generation) -> None:
        end = await self._sandbox.wait()
        if generation.over:
            return
        generation.parties.drain()  # what it said before it ended comes first
        if not generation.over:
            self._process_gone(end)

    def _process_gone(self, end: Exit) -> None:
        self._drain(flush=True)
        failure = InitFailure(failures.type_of(end), None, end=end)
        if end.out_of_memory:
            self._memory_bytes = self._plan.function.memory_mb * MEBIBYTE  # billing facts §3
        if self._generation is not None and self._generation.init_error is not None:
            failure = self._generation.init_error
        if self.state in (State.INITIALIZING, State.RESTARTING):
            self._init_failed(Signal.PROCESS_GONE, failure)
        else:
            self._move(Signal.PROCESS_GONE, failure)

    # An invocation

    def _send(self, *_: Any) -> None:
        run = self._begin_run()
        self._reporter.start(run)
        self._deliver(run)

    def _thaw_and_send(self, *_: Any) -> None:
        """The event lies in the socket before anything moves: what was left over runs for the invocation that thaws it."""
        run = self._begin_run()
        self._reporter.start(run)
        self._deliver(run)
        frozen_ms = self._thaw()
        self._reporter.thawed(frozen_ms, run)

    def _restart(self, *_: Any) -> None:
        self._begin_run()
        self._start_generation()

    def _send_after_init(self, *_: Any) -> None:
        run = self._current()
        self._reporter.start(run)
        self._deliver(run)

    def _begin_run(self) -> Run:
        """The function's time begins: with a suppressed init, the init is inside it."""
        run = self._current()
        run.started = run.sent = time.perf_counter()
        timeout_s = self._plan.function.timeout_s
        self._timer = self._loop.call_later(timeout_s, self._ran_out)
        return run

    def _current(self) -> Run:
        if self._run is None:
            raise AssertionError(f"environment {self.id} is {self.state.value} without an invocation")
        return self._run

    def _deliver(self, run: Run) -> None:
        assert self._generation is not None
        invocation = run.invocation
        run.sent = time.perf_counter()
        left_s = self._plan.function.timeout_s - (run.sent - run.started)
        self._generation.parties.send(
            Event(
                request_id=invocation.request_id,
                body=invocation.payload,
                deadline_ms=int((time.time() + left_s) * 1000),
                invoked_arn=invocation.invoked_arn,
                trace_id=invocation.trace_id,
                client_context=invocation.client_context,
                identity=invocation.identity,
            )
        )

    def _answered(self, *_: Any) -> None:
        """The caller may have its result; one that wants the log's tail waits for REPORT."""
        run = self._current()
        if run.answer is not None and not run.invocation.wants_log_tail:
            run.resolve(run.answer)

    def _finish(self, *_: Any) -> None:
        run = self._current()
        if run.answer is None:
            raise AssertionError("everything waits, but the runtime has not asked")
        self._end_run(run, run.answer, (time.perf_counter() - run.started) * 1000.0)
        self._settle()

    def _end_run(self, run: Run, outcome: InvocationResult, duration_ms: float) -> None:
        """Report an invocation and let go of it. `outcome` is what reports tell; the caller may have had another answer."""
        self._cancel_timer()
        self._look_at_memory()
        init_ms, self._init_ms = self._init_ms, None
        now = time.perf_counter()
        if run.done is None:
            self._reporter.runtime_done(run, outcome, now)
        extensions_ms = (now - run.done) * 1000.0 if run.done is not None and self._has_extensions() else None
        self._reporter.finished(run, outcome, Measured(duration_ms, init_ms, self._memory_bytes, extensions_ms))
        self._run = None
        answer = run.answer or outcome
        if run.invocation.wants_log_tail:
            answer = _with_tail(answer, self._around.log_tail(run.request_id))
        run.resolve(answer)
        run.on_finish()

    # Failing

    def _ran_out(self) -> None:
        self._timer = None
        run = self._current()
        self._drain(flush=True)
        if self.state is State.RESTARTING:
            self._init_ended("timeout")
        timeout_s = self._plan.function.timeout_s
        self._move(
            Signal.TIMEOUT, InitFailure(failures.TIMEOUT, failures.timed_out(run.request_id, timeout_s), "timeout")
        )

    def _kill_and_fail(self, failure: InitFailure) -> None:
        """The invocation fails: answer at once, then reset. The environment stays, without processes."""
        run = self._current()
        if not run.told_start:  # it failed inside its suppressed init
            self._reporter.start(run)
        if failure.status == "timeout":
            duration_ms, status = self._plan.function.timeout_s * 1000.0, Status.TIMEOUT
        else:
            duration_ms, status = (time.perf_counter() - run.started) * 1000.0, Status.ERROR
        payload = failure.payload if failure.payload is not None else _platform_payload(run, failure)
        outcome = InvocationResult(status, payload, self._plan.function.version, failure.error_type)
        self._end_run(run, outcome, duration_ms)
        self._end_generation(self._settle_down)

    def _kill(self, *_: Any) -> None:
        """The init phase failed: the next invocation initializes again."""
        self._cancel_timer()
        self._end_generation(self._settle_down)

    def _clear(self, *_: Any) -> None:
        """An idle runtime ended by itself. The pool has this environment already, and gives it away as it is."""
        self._idle_from = None
        self._end_generation(lambda: None)
        self._owner.cleared(self)

    def _settle_down(self) -> None:
        if self.state is State.DOWN:
            self._settle()

    def _end_generation(self, then: Callable[[], None]) -> None:
        """End every process; what they still print belongs to nobody's invocation any more."""
        generation, self._generation = self._generation, None
        if generation is not None:
            generation.over = True
        self._ending = self._spawn(self._kill_processes(generation))
        self._ending.add_done_callback(lambda _: then())

    async def _kill_processes(self, generation: _Generation | None) -> None:
        if self._starting is not None:  # what is being started must be there before it can be ended
            await asyncio.wait([self._starting])
        try:
            await self._sandbox.kill()
        except (SandboxFailed, OSError) as error:  # a TimeoutError is one, too
            log.failure("environment.kill", error, environment=self.id)
        if generation is not None:
            await generation.parties.close()
            generation.output.close()

    # Freezing

    def _freeze_if_ready(self) -> None:
        self._grace = None
        if self.state is State.READY:
            self._move(Signal.FREEZE)

    def _freeze(self, *_: Any) -> None:
        since = self._idle_from = time.perf_counter()
        self._spawn(self._freeze_processes(since))

    async def _freeze_processes(self, since: float) -> None:
        if self._idle_from != since:
            return  # an invocation was quicker: freezing now would stop it
        try:
            await self._sandbox.freeze()
        except (SandboxFailed, OSError) as error:
            log.failure("environment.freeze", error, environment=self.id)
            if self._idle_from == since:  # what cannot be frozen must not go on unseen
                self._move(Signal.PROCESS_GONE)
            return
        if self._idle_from == since:  # else it was thawed meanwhile, and perhaps is freezing again by another task
            self._reporter.frozen((time.perf_counter() - since) * 1000.0)
            self._move(Signal.FROZEN)

    def _thaw(self) -> float:
        """Thaw, and tell how long ago the freeze began, in milliseconds."""
        self._sandbox.thaw()
        since, self._idle_from = self._idle_from, None
        return (time.perf_counter() - since) * 1000.0 if since is not None else 0.0

    # Shutdown

    def _shut_down(self, *_: Any) -> None:
        """Without an extension the shutdown phase is a SIGKILL at once, lifecycle facts §4."""
        self._cancel_timer()
        self._idle_from = None
        if self._grace is not None:
            self._grace.cancel()
        generation, self._generation = self._generation, None
        if generation is not None:
            generation.over = True
        self._spawn(self._remove(generation))

    async def _remove(self, generation: _Generation | None) -> None:
        if self._ending is not None:
            await asyncio.wait([self._ending])
        await self._kill_processes(generation)
        try:
            await self._sandbox.remove()
        except (SandboxFailed, OSError) as error:
            log.failure("environment.remove", error, environment=self.id)
        self._move(Signal.STOPPED)

    def _release(self, *_: Any) -> None:
        self._reporter.stopped(self.invocations)
        self._stopped.set()
        self._owner.released(self)

    # Small things

    def _spawn(self, work: Any) -> "asyncio.Task[None]":
        """A task that this environment owns; one that dies of a fault of ours is logged by name."""
        task: asyncio.Task[None] = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._task_ended)
        return task

    def _task_ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.failure("environment.task", error, environment=self.id, state=self.state.value)

    def _drain(self, flush: bool = False) -> None:
        if self._generation is not None:
            self._generation.output.drain(flush)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look_at_memory(self) -> None:
        """Ask the kernel at most every 50 ms; the figure only grows within a generation."""
        now = time.perf_counter()
        if now - self._memory_seen > _USAGE_AGE_S and self._sandbox.pid is not None:
            self._memory_seen = now
            self._memory_bytes = self._sandbox.usage().memory_bytes


def _with_tail(result: InvocationResult, tail: bytes) -> InvocationResult:
    return InvocationResult(result.status, result.payload, result.executed_version, result.error_type, tail)


def _platform_payload(run: Run, failure: InitFailure) -> bytes:
    if failure.end is not None:
        return failures.exited(run.request_id, failure.end)
    text = failure.text or "Runtime exited without providing a reason"
    return failures.payload(failure.error_type, f"RequestId: {run.request_id} Error: {text}")


_PERFORM: Mapping[Action, Callable[..., None]] = {
    Action.SETTLE: Environment._settle,
    Action.FREEZE: Environment._freeze,
    Action.SEND: Environment._send,
    Action.THAW_AND_SEND: Environment._thaw_and_send,
    Action.RESTART: Environment._restart,
    Action.SEND_AFTER_INIT: Environment._send_after_init,
    Action.ANSWERED: Environment._answered,
    Action.FINISH: Environment._finish,
    Action.KILL_AND_FAIL: Environment._kill_and_fail,
    Action.KILL: Environment._kill,
    Action.CLEAR: Environment._clear,
    Action.SHUT_DOWN: Environment._shut_down,
    Action.RELEASE: Environment._release,
}
