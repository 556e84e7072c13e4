// The leak watch: what an invocation leaves unfinished when it ends, and what of it goes on inside later ones.
//
// Levels (design D12): `detect` sees every timer, file, socket, request, child and worker; `explain` sees promises, too, and
// so finds the user's line behind what a library starts late. What is found is news, sent to Neve as LEAK frames.
import { Calls } from './calls.mjs';
import { patchFetch } from './console-patch.mjs';
import { whatHolds } from './leak-diagnosis.mjs';
import { isUserConnection } from './leak-kinds.mjs';
import { Leaks } from './leak-news.mjs';
import { callerOf, capture, framesOf, prepareStacks, stackOfError } from './leak-stacks.mjs';
import { UnderWay } from './leak-work.mjs';
import { setWatch } from './watching.mjs';

/** One invocation; `ended` once the next event is asked for. */
class Invocation {
  ended = false;
  began = Date.now();
  answeredMs;

  constructor(id) {
    this.id = id;
  }
}

class LeakWatch {
  #channel;
  #calls;
  #leaks;
  #underWay;
  #current;
  #latest; // the current one or, between two events, the one before
  #last; // the leak that went on last, in this turn of the event loop
  #initTold = false;
  #watchdog;

  constructor(channel, watchdog) {
    this.#channel = channel;
    this.#watchdog = watchdog;
    this.#leaks = new Leaks((news) => channel.tellLeaks(news));
    this.#underWay = new UnderWay({
      started: (work) => this.#started(work),
      resumed: (work) => this.#resumed(work),
      passed: () => (this.#last = undefined),
      ended: (work) => this.#ended(work),
      broken: (error) => this.#broken(error),
    });
  }

  /** What the invocation asks of others. @param {boolean} places whether to tell the lines, too */
  calls(places) {
    this.#calls = new Calls(this.#channel, this.#underWay, places);
    return this.#calls;
  }

  /** What is asked of the watch between a result and the next event, which come whatever it does. @see UnderWay.guarded */
  guarded(call) {
    return this.#underWay.guarded(call);
  }

  async start(level) {
    if (level === 'explain') {
      const { PromiseSteps } = await import('./leak-promises.mjs');
      new PromiseSteps(this.#underWay, (step) => this.#continued(step)).enable();
    }
    this.#underWay.enable();
    patchFetch((call, signal) => this.#underWay.fetching(call, signal));
    process.on('uncaughtExceptionMonitor', (thrown) => this.failed(thrown));
  }

  /**
   * Tell nobody of a leak that is none. The init phase has a whole processor; what is compiled now cannot make the first
   * real leak wait for the function's share, and go on in its own invocation while it waits.
   */
  rehearse() {
    const leaks = new Leaks((news) => JSON.stringify({ news }));
    const nobody = new Invocation('');
    this.#underWay.outside(() => {
      this.#underWay.enter(nobody);
      const timer = setTimeout(() => {}, 1000);
      const left = this.#left(nobody);
      leaks.tell(nobody, left, this.#underWay);
      leaks.open(nobody, PROMISE, { stack: stackOfError(new Error()) });
      for (const work of left) work.leak = undefined;
      clearTimeout(timer);
      this.#left(nobody);
    });
  }

  /** The same of a watch that is never started. */
  rehearseAlone() {
    this.#underWay.enabledFor(() => this.rehearse());
  }

  // What the runtime client tells

  begin(header) {
    this.#current = this.#latest = new Invocation(header.id);
    this.#last = undefined;
    this.#leaks.wake(header.id);
    this.#watchdog?.begin(header);
  }

  enter() {
    this.#underWay.enter(this.#current);
  }

  leave() {
    this.#underWay.enter();
  }

  outside(call) {
    return this.#underWay.outside(call);
  }

  answered() {
    if (this.#current) this.#current.answeredMs ??= Date.now() - this.#current.began;
  }

  /** How long the answer has waited since the handler said its result; undefined when it did not. */
  get waitedMs() {
    const { began, answeredMs } = this.#current ?? {};
    return answeredMs === undefined ? undefined : Date.now() - began - answeredMs;
  }

  /** The running invocation is about to run out of time: what it waits for. @param {string} id */
  diagnose(id) {
    if (this.#current?.id !== id) return;
    this.#watchdog?.answered();
    this.#channel.tellDiagnosis({ id, answeredMs: this.#current.answeredMs ?? null, waiting: whatHolds(this.#underWay) });
  }

  /** The next event is about to be asked for. @returns {boolean} whether there is anything to tell before that */
  isRestless() {
    if (!this.#initTold) return true;
    for (const work of this.#underWay.unfinished()) if (work.leak === undefined && work.token === this.#current) return true;
    return false;
  }

  /** Tell what the invocation leaves behind; it is over. @returns {boolean} whether work of any invocation is left */
  end() {
    this.#watchdog?.end();
    const ending = this.#current;
    if (this.#initTold || ending) this.#leaks.tell(ending, this.#left(ending), this.#underWay);
    if (!this.#initTold) this.#leaks.tell(undefined, this.#left(undefined), this.#underWay);
    this.#initTold = true;
    this.#leaks.settleAll((origin) => (origin === ending ? undefined : ending?.id));
    if (ending) ending.ended = true;
    this.#current = undefined;
    this.#last = undefined;
    return this.#leaks.any;
  }

  leftOver() {
    const { token } = this.#underWay;
    if (!token?.ended || token === this.#latest) return undefined;
    if (this.#goingOn(token) === undefined) this.#caught(token, {});
    return token.id;
  }

  failed(thrown) {
    const { token } = this.#underWay;
    this.#look();
    if (!token?.ended || token === this.#latest) return;
    const leak = this.#goingOn(token) ?? this.#leaks.open(token, PROMISE, { stack: stackOfError(thrown) });
    if (leak) this.#leaks.fail(leak, this.#latest.id, thrown);
  }

  // What the hooks tell

  #left(token) {
    const left = [];
    for (const work of this.#underWay.unfinished()) if (work.token === token && work.leak === undefined) left.push(work);
    return left;
  }

  /** An invocation that is over starts something: it belongs to the leak that is going on. */
  #started(work) {
    const leak = this.#goingOn(work.token);
    if (leak && (work.kind.isPart?.(work) || !work.kind.isLeak(work))) work.leak = leak; // nothing that keeps it open
    else if (leak) this.#leaks.join(leak, work);
    else this.#caught(work.token, work);
  }

  #ended(work) {
    if (work.leak?.origin) this.#calls?.tellNow(work.resource);
    this.#leaks.lose(work, () => this.#inside(work.token));
  }

  #resumed(work) {
    this.#look();
    this.#last = work.leak;
    if (work.leak && !(work.kind.connection && !isUserConnection(work))) this.#leaks.resume(work.leak, this.#inside(work.token));
    else this.#underWay.disown();
  }

  /** A promise of an invocation that is over goes on. */
  #continued(step) {
    this.#look();
    if (this.#goingOn(step.token) !== undefined) return;
    if (callerOf(framesOf(step.stack))?.place !== 'user') return; // a library's own loop
    this.#last = this.#leaks.open(step.token, PROMISE, step);
    if (this.#last) this.#leaks.resume(this.#last, this.#inside(step.token));
  }

  /** Something of an invocation that is over shows itself, and nothing is known of it: is it the user's? */
  #caught(token, work) {
    const from = work.stack ? work : { stack: capture() };
    if (!framesOf(from.stack).some((frame) => frame.place === 'user')) return;
    this.#last = this.#leaks.open(token, PROMISE, from);
    if (this.#last === undefined) return;
    if (work.kind) this.#leaks.join(this.#last, work);
    this.#leaks.resume(this.#last, this.#inside(token));
  }

  /** The leak of an invocation that is over whose turn it is. */
  #goingOn(token) {
    const { running } = this.#underWay;
    const found = (running?.token === token && running.leak) || this.#last;
    return found?.origin === token ? found : undefined;
  }

  /** Inside which other invocation the work of `token` goes on, if it does. @returns {string | undefined} its request id */
  #inside(token) {
    this.#look();
    return this.#latest === token ? undefined : this.#latest?.id;
  }

  /** After a thaw timers come first: the event that thawed them may have arrived without anybody having read it. */
  #look() {
    if (this.#current === undefined) this.#channel.look();
  }

  #broken(error) {
    this.#leaks.say({ is: 'broken', reason: String(error?.stack ?? error).slice(0, 2000) });
  }
}

const PROMISE = { kind: 'promise', description: 'promise chain' };

/**
 * Watch this process from now on.
 * @param {{leaks: 'detect' | 'explain', watchdogMs: number | undefined, taskRoot: string}} settings
 * @param {import('./channel.mjs').Channel} channel
 */
export async function startWatch({ leaks: level, watchdogMs, taskRoot }, channel) {
  prepareStacks(taskRoot, level === 'explain');
  const watching = new LeakWatch(channel, watchdogMs ? await startWatchdog(taskRoot, watchdogMs) : undefined);
  const calls = watching.calls(level === 'explain');
  calls.enable(); // before the watch itself: how a request ended is known when its leak is told to have ended
  await watching.start(level);
  watching.rehearse();
  channel.onDiagnose = watching.guarded((id) => {
    watching.diagnose(id);
    calls.tell();
  });
  channel.isRestless = watching.guarded(() => calls.any || watching.isRestless());
  channel.onEnding = watching.guarded(() => {
    const { waitedMs } = watching;
    const leaves = watching.end();
    calls.tell(waitedMs);
    return leaves;
  });
  setWatch(watching);
}

/**
 * In a runtime that waits for its function: load and compile what `startWatch` will run, with a watch that tells nobody.
 */
export async function rehearseWatch() {
  await import('./leak-promises.mjs');
  prepareStacks('/', false);
  new LeakWatch({ tellLeaks() {} }).rehearseAlone();
}

async function startWatchdog(taskRoot, beforeMs) {
  const { Watchdog } = await import('./watchdog.mjs');
  return new Watchdog(taskRoot, beforeMs);
}
