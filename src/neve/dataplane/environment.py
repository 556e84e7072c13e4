"""A live execution environment: feeds what happens to the table in `domain/environment.py` and performs its actions.

It outlives its processes: each start of the runtime is a generation (`generation.py`). How long an init may take, the freeze,
the way a generation ends, what callers get and what reports tell of the memory are ideas of their own: `init_phase.py`,
`freezing.py`, `shutdown.py`, `answer.py`, `memory.py`.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from typing import Any, Protocol

import msgspec

from neve import log
from neve.dataplane import channel as frames
from neve.dataplane import failures
from neve.dataplane.alarm import Alarm
from neve.dataplane.answer import event_of, no_answer, result_of, slow_caller, take_chunk
from neve.dataplane.failures import Failure
from neve.dataplane.freezing import Freezing
from neve.dataplane.generation import Generation
from neve.dataplane.init_phase import InitPhase
from neve.dataplane.leak_desk import LeakDesk
from neve.dataplane.memory import Memory
from neve.dataplane.output import Line
from neve.dataplane.plan import PROVISIONED, Plan, Surroundings
from neve.dataplane.prestarted import Prestarted
from neve.dataplane.question import Question
from neve.dataplane.reporter import Measured, Reporter
from neve.dataplane.run import Run
from neve.dataplane.runtime_api.listener import Subscribed
from neve.dataplane.sandbox.sandbox import Command, Exit, Sandbox
from neve.dataplane.tasks import Tasks
from neve.domain import record as kinds
from neve.domain.environment import Action, Signal, State, transition
from neve.domain.errors import ExtensionRefused, PlatformError, SandboxFailed
from neve.domain.extension import Extension
from neve.domain.invocation import InvocationResult, Status
from neve.domain.limits import STREAMED_RESPONSE_BYTES
from neve.domain.outgoing import told_at
from neve.domain.record import Origin
from neve.domain.shutdown import Reason

_EXIT_AFTER_ERROR_S = 0.5
_BEGINNING = (State.STARTING, State.INITIALIZING)
_INIT = (State.STARTING, State.INITIALIZING, State.RESTARTING)
_TOLD_BESIDE = (frames.LEAK, frames.CALLS, frames.DIAGNOSIS)
"""Words on which nobody's answer depends, nor the environment's life."""


class Owner(Protocol):
    """The pool that an environment belongs to."""

    def settled(self, environment: "Environment") -> None:
        """The environment can take an invocation; freeze it if none waits."""

    def cleared(self, environment: "Environment") -> None:
        """An idle environment lost its processes: it is settled again when the rest of them is gone."""

    def released(self, environment: "Environment") -> None:
        """Nothing is left of the environment."""


class Environment:
    """One environment. All methods belong to the event loop's thread."""

    def __init__(
        self,
        identity: str,
        origin: Origin,
        plan: Plan,
        sandbox: Sandbox,
        around: Surroundings,
        owner: Owner,
        prestarted: Prestarted | None = None,
    ) -> None:
        self.id = identity
        self.origin = origin
        self.state = State.STARTING
        self.started_ms = around.clock.now_ms()
        self.idle_since = around.clock.now()
        self.invocations = 0
        self.prestarted = prestarted is not None  # whether its first runtime had waited for it
        self._plan = plan
        self._sandbox = sandbox
        self._around = around
        self._owner = owner
        self._reporter = Reporter(origin, plan, around)
        self._loop = asyncio.get_running_loop()
        self._tasks = Tasks(identity)
        self._init = InitPhase(self._reporter, plan.init_seconds(around.settings.init_seconds), self._init_ran_out)
        self._freezing = Freezing(sandbox, self._tasks, self._frozen, self._freeze_refused)
        self._prestarted = prestarted  # the first generation's
        self._generation: Generation | None = None
        self._init_error: Failure | None = None
        self._lingers = False
        self._run: Run | None = None
        self._time_limit = Alarm(self._ran_out)
        self._stopped = asyncio.Event()
        self._memory = Memory(sandbox, plan.function.memory_mb)
        self._question = Question(self._ask_why)
        self._desk = LeakDesk(identity, around.places, self._tasks, self._reporter.tell)

    @property
    def pid(self) -> int | None:
        """The runtime's process as the host sees it."""
        return self._sandbox.pid

    @property
    def provisioned(self) -> bool:
        """Whether it was initialized ahead."""
        return self._plan.initialization_type == PROVISIONED

    @property
    def coming(self) -> bool:
        """Whether it will offer itself soon. One that is reset while its extensions have their time takes longer than another
        one's start."""
        return self.state in _BEGINNING or (self.state is State.RESETTING and not self._lingers)

    @property
    def memory_bytes(self) -> int:
        """The most that was resident at once."""
        return self._memory.look()

    # What the pool asks for

    def begin(self) -> None:
        """Start the init phase."""
        self._start_generation()
        self._init.begin()

    def assign(self, run: Run) -> None:
        """Run an invocation here. Legal when the pool was told that the environment is settled."""
        self._run = run
        self.invocations += 1
        self._move(Signal.ASSIGN)

    def rest(self) -> None:
        """Nothing waits for this environment: freeze it, after the grace that somebody asks for (none, as on Lambda)."""
        self.idle_since = self._around.clock.now()
        self.freeze_soon()

    def freeze_soon(self) -> None:
        """Freeze it, if it is idle and not frozen: after the grace of now, counted from now."""
        if self.state is State.READY:
            self._freezing.soon(self._around.freeze_grace_s(self.origin), lambda: self._move(Signal.FREEZE))

    def stop(self) -> None:
        """Begin the shutdown phase; `wait_stopped` tells when it is over. Not for an environment that has an invocation."""
        if self.state not in (State.STOPPING, State.REMOVING, State.DEAD):
            self._move(Signal.STOP)

    def abandon(self) -> None:
        """Neve stops and its patience is over: the caller gets an error of the platform, the processes go."""
        if self._run is not None:
            self._run.refuse(PlatformError("Neve was stopped before the invocation ended."))
            self._move(Signal.PROCESS_GONE, failures.exited(Exit(None, 9)))
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

    def _action_failed(self, action: str, error: Exception) -> None:
        """The machine refused what the table asked for; the table says what follows."""
        log.failure(f"environment.{action}", error, environment=self.id)
        text = error.message if isinstance(error, SandboxFailed) else f"the environment failed to {action}"
        self._move(Signal.ACTION_FAILED, Failure(failures.SANDBOX, text=text))

    def _settle(self, *_: Any) -> None:
        self._owner.settled(self)

    # Init phase

    def _start_generation(self) -> None:
        """Its telemetry is attached before anything is told of it."""
        self._init_error = None
        subscriptions = self._around.feed.attach(self.id, self._sandbox.address, self._reporter.logs_dropped)
        prestarted, self._prestarted = self._prestarted, None
        self._generation = Generation(self._plan, subscriptions, self._sandbox, self._tasks, self, prestarted)
        self._generation.begin(self._command)

    def _command(self, address: str) -> Command:
        command = self._plan.command(self.origin.log_stream)
        self._desk.belongs_to(command)
        self._question.prepare(command.environment)
        own = {"AWS_LAMBDA_RUNTIME_API": address, "AWS_LAMBDA_INITIALIZATION_TYPE": self._plan.initialization_type}
        return replace(command, environment={**command.environment, **own})

    def processes_up(self) -> None:
        """News."""
        self._move(Signal.PROCESS_UP)

    def processes_refused(self, error: SandboxFailed) -> None:
        """News."""
        log.warn("environment.start", environment=self.id, error=error.message)
        error_type = failures.LAUNCH if isinstance(error, ExtensionRefused) else failures.INVALID_ENTRYPOINT
        self._init_failed(Signal.ACTION_FAILED, Failure(error_type, text=error.message))

    def _init_ran_out(self) -> None:
        self._init_failed(Signal.INIT_FAILED, Failure(failures.TIMEOUT, timed_out=True))

    def _init_failed(self, signal: Signal, failure: Failure) -> None:
        """The init is over without success; the state says whether an invocation was waiting for it."""
        try:
            self._drain(flush=True)
            self._tell_extensions()
            self._init.fail(failure.status, failure.error_type)
        finally:  # whatever cannot be told
            self._move(signal, failure)

    def _on_init_error(self, failure: Failure) -> None:
        """The runtime says why, and then exits: what it prints on its way out still belongs to the init."""
        if self._init_error is None:
            self._init_error = failure
            self._loop.call_later(_EXIT_AFTER_ERROR_S, self._exit_overdue, failure)

    def _exit_overdue(self, failure: Failure) -> None:
        if self._init_error is failure and self.state in _INIT:
            self._init_failed(Signal.INIT_FAILED, failure)

    # What the runtime says

    def heard(self, kind: int, header: Mapping[str, Any], body: bytes) -> None:
        """News."""
        if kind == frames.NEXT:
            self._on_runtime_next()
        elif kind == frames.ALL_NEXT:
            self._on_all_next()
        elif kind in (frames.RESPONSE, frames.ERROR):
            self._on_answer(kind, header, body)
        elif kind in (frames.STREAM_START, frames.CHUNK, frames.STREAM_END):
            self._on_stream(kind, header, body)
        elif kind == frames.LEAK:
            self._desk.hear(header, self._run.request_id if self._run else None, self._around.clock.now_ms())
        elif kind == frames.CALLS:
            clock = self._around.clock
            told_ms = told_at(header, clock.now_ms(), clock.offset_s * 1000.0)
            self._desk.hear_calls(header, self._run.request_id if self._run else None, told_ms)
        elif kind == frames.DIAGNOSIS:
            self._question.heard(header)
            self._desk.foresee(header)
        elif kind == frames.INIT_ERROR and self.state in _INIT:
            self._on_init_error(Failure(str(header.get("type", failures.RUNTIME_UNKNOWN)), body))

    def misheard(self, kind: int, error: Exception) -> None:
        """News. What depends on the word would be waited for in vain: this start of the environment is over."""
        log.failure("environment.heard", error, environment=self.id, kind=kind)
        if kind not in _TOLD_BESIDE and self._generation is not None:
            self._lost(Failure(failures.SANDBOX, text="the environment failed to go on"))

    def _on_runtime_next(self) -> None:
        """The runtime asked; what extensions still do is not its own time any more."""
        if self.state in _INIT:
            self._init.runtime_done("success")
        elif self.state in (State.INVOKING, State.DRAINING) and self._current().done is None:
            self._drain(flush=True)
            run = self._current()
            run.done = time.perf_counter()
            if run.answer is None:  # asked for the next event without an answer, runtime-api facts §1
                run.answer = no_answer(run, self._plan.function.version)
            self._reporter.runtime_done(run, run.answer, run.done)

    def _on_all_next(self) -> None:
        if self.state in _INIT:
            self._drain()
            self._memory.look()
            self._sandbox.initialized()
            self._tell_extensions()
            self._init.succeed()
            self._move(Signal.ALL_NEXT)
        elif self.state in (State.INVOKING, State.DRAINING):
            if self._has_extensions():
                self._drain(flush=True)
            self._move(Signal.ALL_NEXT)

    def _has_extensions(self) -> bool:
        return self._generation is not None and self._generation.has_extensions

    def _on_answer(self, kind: int, header: Mapping[str, Any], body: bytes) -> None:
        run = self._run
        if self.state is not State.INVOKING or run is None or run.done is not None:
            return
        if header.get("id") != run.request_id:
            return  # a late answer to an earlier invocation is refused, runtime-api facts §1
        self._drain()
        run.answered = time.perf_counter()
        if run.answering is None:
            run.answering = run.answered
        run.answer = result_of(kind, header, body, self._plan.function.version)
        if run.stream is not None:
            run.stream.let_go()
        self._move(Signal.ANSWER)

    def _on_stream(self, kind: int, header: Mapping[str, Any], body: bytes) -> None:
        """Passed on as it comes to a caller that wants it so; Invoke answers in one piece."""
        run = self._run
        if run is None or run.answer is not None or header.get("id") != run.request_id:
            return
        if kind == frames.STREAM_START:
            run.answering = time.perf_counter()
            if run.stream is not None:
                run.stream.begin(str(header.get("contentType", "")), self._hold)
        elif kind == frames.CHUNK:
            if not take_chunk(run, body):
                told = {**header, "type": failures.TOO_LARGE}
                self._on_answer(frames.ERROR, told, failures.too_large(STREAMED_RESPONSE_BYTES))
        elif kind == frames.STREAM_END:
            failed = "type" in header
            self._on_answer(
                frames.ERROR if failed else frames.RESPONSE, header, body if failed else bytes(run.streamed)
            )

    def _hold(self, held: bool) -> None:
        if self._generation is not None:
            self._generation.hold(held)

    def subscribed(self, subscribed: Subscribed) -> None:
        """News."""
        self._reporter.subscribed(subscribed, self._run)

    def _tell_extensions(self) -> None:
        """How far they have come when the init is over."""
        for extension in self._generation.extensions if self._generation is not None else ():
            self._reporter.extension(extension, self._run)

    def printed(self, line: Line) -> None:
        """News."""
        self._reporter.line(line, self._run)

    def processes_ended(self, end: Exit) -> None:
        """News."""
        self._lost(self._init_error or failures.exited(end), end)

    def _lost(self, failure: Failure, end: Exit | None = None) -> None:
        """Somebody is gone, or as good as gone, without whom the environment cannot go on."""
        if end is not None and end.out_of_memory:
            self._memory.used_up()
        if self.state in _INIT:
            self._init_failed(Signal.PROCESS_GONE, failure)
            return
        try:
            self._drain(flush=True)
        finally:
            self._move(Signal.PROCESS_GONE, failure)

    # What extensions do

    def extension_printed(self, line: Line) -> None:
        """News."""
        self._reporter.line(line, self._run, kinds.EXTENSION)

    def extension_failed(self, extension: Extension) -> None:
        """News."""
        self._loop.call_later(_EXIT_AFTER_ERROR_S, self._extension_overdue, self._generation, extension)

    def _extension_overdue(self, generation: Generation | None, extension: Extension) -> None:
        if self._generation is generation is not None:
            self._lost(failures.extension_failed(extension))

    def extension_ended(self, extension: Extension, end: Exit) -> None:
        """News."""
        self._lost(failures.extension_ended(extension, end), end)

    # An invocation

    def _send(self, *_: Any) -> None:
        self._freezing.give_up()
        run = self._begin_run()
        self._reporter.start(run)
        self._deliver(run)

    def _thaw_and_send(self, *_: Any) -> None:
        """The event lies in the socket before anything moves: what was left over runs for the invocation that thaws it."""
        run = self._begin_run()
        self._reporter.start(run)
        self._deliver(run)
        try:
            frozen_ms = self._freezing.thaw()
        except (SandboxFailed, OSError) as error:
            self._action_failed("thaw", error)
        else:
            assert self._generation is not None
            self._generation.resume_telemetry()
            if frozen_ms is not None:
                self._reporter.thawed(frozen_ms, run)

    def _restart(self, *_: Any) -> None:
        self._start_generation()
        self._init.begin(inside=self._begin_run())

    def _send_after_init(self, *_: Any) -> None:
        run = self._current()
        self._reporter.start(run)
        self._deliver(run)

    def _begin_run(self) -> Run:
        """The function's time begins: with a suppressed init, the init is inside it."""
        run = self._current()
        run.started = run.sent = time.perf_counter()
        timeout_s = self._plan.function.timeout_s
        self._time_limit.set(timeout_s)
        return run

    def _current(self) -> Run:
        if self._run is None:
            raise AssertionError(f"environment {self.id} is {self.state.value} without an invocation")
        return self._run

    def _deliver(self, run: Run) -> None:
        assert self._generation is not None
        run.sent = time.perf_counter()
        left_s = self._plan.function.timeout_s - (run.sent - run.started)
        self._question.put_before(left_s, run.request_id)
        self._generation.send(event_of(run, left_s))

    def _answered(self, *_: Any) -> None:
        """The caller may have its result; one that wants the log's tail waits for REPORT."""
        run = self._current()
        if run.answer is not None and not run.invocation.wants_log_tail:
            run.resolve(run.answer)

    def _finish(self, *_: Any) -> None:
        run = self._current()
        answer = run.answer or no_answer(run, self._plan.function.version)
        self._end_run(run, answer, (time.perf_counter() - run.started) * 1000.0)
        self._settle()

    def _end_run(self, run: Run, outcome: InvocationResult, duration_ms: float) -> None:
        """Report an invocation and let go of it. `outcome` is what reports tell; the caller may have had another answer."""
        self._stop_the_clock()
        try:
            self._report(run, outcome, duration_ms)
        finally:
            self._let_go(run, outcome)

    def _report(self, run: Run, outcome: InvocationResult, duration_ms: float) -> None:
        memory_bytes = self._memory.look_after(duration_ms)
        now = time.perf_counter()
        if run.done is None:
            self._reporter.runtime_done(run, outcome, now)
        extensions_ms = (now - run.done) * 1000.0 if run.done is not None and self._has_extensions() else None
        measured = Measured(duration_ms, self._init.take_untold_ms(), memory_bytes, extensions_ms)
        self._reporter.finished(run, outcome, measured)

    def _let_go(self, run: Run, outcome: InvocationResult) -> None:
        self._run = None
        if run.stream is not None:
            run.stream.let_go()
        answer = run.answer or outcome
        if run.invocation.wants_log_tail:
            answer = msgspec.structs.replace(answer, log_tail=self._around.log_tail(run.request_id))
        run.resolve(answer)
        run.on_finish()

    # Failing

    def _ran_out(self) -> None:
        try:
            self._tell_of_timeout()
        finally:
            self._move(Signal.TIMEOUT, failures.timeout(self._plan.function.timeout_s))

    def _tell_of_timeout(self) -> None:
        self._drain(flush=True)
        if self.state is State.RESTARTING:
            self._tell_extensions()
            self._init.fail("timeout", None)
        if self._question.asked:
            run = self._current()
            held = run.stream is not None and run.stream.held  # then its client's answer is behind what nobody reads
            answer = slow_caller(run.request_id) if held else self._question.answer
            now_ms, timeout_s = self._around.clock.now_ms(), float(self._plan.function.timeout_s)
            self._desk.explain(answer, run.request_id, timeout_s, now_ms)

    def _fail_and_reset(self, failure: Failure) -> None:
        """The invocation fails: answer at once, then reset. The environment stays, without processes."""
        try:
            self._fail(self._current(), failure)
        finally:
            self._reset(failure)

    def _fail(self, run: Run, failure: Failure) -> None:
        if not run.told_start:  # it failed inside its suppressed init
            self._reporter.start(run)
        if failure.timed_out:
            duration_ms, status = self._plan.function.timeout_s * 1000.0, Status.TIMEOUT
        else:
            duration_ms, status = (time.perf_counter() - run.started) * 1000.0, Status.ERROR
        self._reporter.fault(run, f"{failure.message(run.request_id)}\n{failure.error_type}")
        payload = failure.payload(run.request_id)
        self._end_run(
            run, InvocationResult(status, payload, self._plan.function.version, failure.error_type), duration_ms
        )

    def _reset(self, failure: Failure) -> None:
        """The next invocation initializes again."""
        self._end_processes(Reason.TIMEOUT if failure.timed_out else Reason.FAILURE)

    def _clear(self, failure: Failure) -> None:
        """The pool counts on this environment, which has to come back first."""
        self._reset(failure)
        self._owner.cleared(self)

    def _end_processes(self, reason: Reason) -> None:
        """End every process; what they still print belongs to nobody's invocation any more."""
        generation, self._generation = self._generation, None
        assert generation is not None
        self._init.give_up()
        self._thaw_for_extensions(generation)
        self._lingers = any(each.external and each.takes_part for each in generation.extensions)
        self._tasks.spawn(self._clear_away(generation.end(reason)))

    def _thaw_for_extensions(self, generation: Generation) -> None:
        """They, and a runtime beside them, are told before they go. Without any, who is frozen dies frozen."""
        if not (generation.has_extensions and self._freezing.begun):
            self._freezing.give_up()
            return
        try:
            self._freezing.thaw()
        except (SandboxFailed, OSError) as error:  # then they die frozen, after their time
            log.failure("environment.thaw", error, environment=self.id)
        generation.resume_telemetry()

    async def _clear_away(self, ending: Coroutine[Any, Any, None]) -> None:
        try:
            await ending
        except Exception as error:  # noqa: BLE001 - the edge of a task: invocations wait for the environment to be down
            self._action_failed("kill", error)
        else:
            self._move(Signal.CLEARED)

    # Freezing

    def _freeze(self, *_: Any) -> None:
        assert self._generation is not None
        self._generation.pause_telemetry()
        self._freezing.begin()

    def _frozen(self, duration_ms: float) -> None:
        self._reporter.frozen(duration_ms)
        self._move(Signal.FROZEN)

    def _freeze_refused(self, error: Exception) -> None:
        self._action_failed("freeze", error)

    # Shutdown

    def _shut_down(self, *_: Any) -> None:
        self._end_processes(Reason.SPINDOWN)

    def _remove(self, *_: Any) -> None:
        self._tasks.spawn(self._give_back())

    async def _give_back(self) -> None:
        try:
            await self._sandbox.remove()
        except Exception as error:  # noqa: BLE001 - the edge of a task: Neve waits for its environments when it stops
            self._action_failed("remove", error)
        else:
            self._move(Signal.REMOVED)

    def _release(self, *_: Any) -> None:
        self._desk.close()
        self._question.close()
        self._time_limit.close()
        self._reporter.stopped(self.invocations)
        self._stopped.set()
        self._owner.released(self)

    # Small things

    def _drain(self, flush: bool = False) -> None:
        if self._generation is not None:
            self._generation.drain(flush)

    def _ask_why(self, request_id: str) -> bool:
        return self._generation is not None and self._generation.ask_why(request_id)

    def _stop_the_clock(self) -> None:
        self._question.withdraw()
        self._time_limit.stop()


_PERFORM: Mapping[Action, Callable[..., None]] = {
    Action.SETTLE: Environment._settle,
    Action.FREEZE: Environment._freeze,
    Action.SEND: Environment._send,
    Action.THAW_AND_SEND: Environment._thaw_and_send,
    Action.RESTART: Environment._restart,
    Action.SEND_AFTER_INIT: Environment._send_after_init,
    Action.ANSWERED: Environment._answered,
    Action.FINISH: Environment._finish,
    Action.FAIL_AND_RESET: Environment._fail_and_reset,
    Action.RESET: Environment._reset,
    Action.CLEAR: Environment._clear,
    Action.SHUT_DOWN: Environment._shut_down,
    Action.REMOVE: Environment._remove,
    Action.RELEASE: Environment._release,
}
