// What is under way in this process, and which invocation started it: timers, files, sockets, requests, children, workers.
//
// async_hooks tells of everything but promises at no cost per await (Node 24), or at the cost that AsyncLocalStorage has
// anyway. No `destroy` hook: before Node 24 it makes V8 track every promise. What is over is found by looking at it.
import { require } from './builtins.mjs';
import { patchReadStream } from './console-patch.mjs';
import { FETCH, KINDS } from './leak-kinds.mjs';
import { capture } from './leak-stacks.mjs';

const { AsyncLocalStorage, createHook } = require('node:async_hooks');
const channels = require('node:diagnostics_channel');

const MOST_STACKS = 1000; // of one invocation: a handler with 10,000 timers pays for the first ones only
const MOST_ANCESTORS = 16;
const FIRST_SWEEP = 1000;

/**
 * @typedef {object} Work
 * @property {number} id of async_hooks; 0 without one
 * @property {string} type
 * @property {import('./leak-kinds.mjs').Kind} kind
 * @property {object} resource
 * @property {object | undefined} token the invocation that started it; undefined for the init phase
 * @property {object | undefined} stack
 * @property {Work | undefined} parent during whose callback it was started
 * @property {object | undefined} leak
 */

/** What runs in it is the runtime's own. */
const OURS = { token: undefined };
/** What runs in it belongs to no invocation: a shared connection's callbacks. */
const NEUTRAL = { token: undefined };
const TICK = {};

export class UnderWay {
  #storage = new AsyncLocalStorage();
  #listener;
  #live = new Set();
  #byId = new Map();
  #ofResource = new WeakMap();
  #running = [];
  #sweepAt = FIRST_SWEEP;
  #hook;
  #above; // the hook that is running
  #reader; // the stream of a file that is about to be read
  #readsFiles = false;
  #stopped = false;

  /** The step of a promise in which something is started. @type {() => object | undefined} */
  step = () => undefined;
  /** Whether to remember who asked for a tick: level `explain`. */
  ticks = false;

  /**
   * @param {object} listener
   * @param {(work: Work) => void} listener.started by an invocation that is over
   * @param {(work: Work) => void} listener.resumed a callback of an invocation that is over begins
   * @param {() => void} listener.passed a callback of anybody else begins
   * @param {(work: Work) => void} listener.ended
   * @param {(error: unknown) => void} listener.broken the watch itself failed; it has stopped
   */
  constructor(listener) {
    this.#listener = listener;
    this.#hook = createHook({
      init: this.guarded((id, type, _trigger, resource) => this.#init(id, type, resource)),
      before: this.guarded((id) => this.#before(id)),
      after: this.guarded((id) => this.#after(id)),
      trackPromises: false,
    });
  }

  /** Begin to look. */
  enable() {
    this.#hook.enable();
    const on = (name, take) => channels.subscribe(name, this.guarded(take));
    on('http.client.request.created', ({ request }) => this.#add(0, 'HTTPCLIENTREQUEST', request));
    on('undici:request:create', ({ request }) => this.#add(0, 'fetch', request, FETCH));
    on('undici:request:headers', ({ request, response }) => this.#progressed(request, response?.statusCode));
    on('undici:request:trailers', ({ request }) => this.#over(request));
    on('undici:request:error', ({ request }) => this.#over(request));
    on('worker_threads', ({ worker }) => this.#nameWorker(worker));
  }

  /** Look while this runs, and no longer. @param {() => void} call */
  enabledFor(call) {
    this.#hook.enable();
    try {
      call();
    } finally {
      this.#hook.disable();
      this.#storage.disable(); // before Node 24 it would cost every await something
    }
  }

  /** Whose context this is: an invocation's, or undefined. */
  get token() {
    return this.#storage.getStore()?.token;
  }

  /** The callback that is running, if it is one that is watched. @returns {Work | undefined} */
  get running() {
    return this.#running.at(-1);
  }

  /** From here on everything belongs to this invocation; undefined: to the runtime itself. @param {object} [token] */
  enter(token) {
    this.#storage.enterWith(token ? { token } : OURS);
  }

  /** From here on, in this callback, everything belongs to nobody. */
  disown() {
    this.#storage.enterWith(NEUTRAL);
  }

  /** Run something of the runtime's own in the middle of the user's. @param {() => unknown} call */
  outside(call) {
    const store = this.#storage.getStore();
    this.#storage.enterWith(OURS);
    try {
      return call();
    } finally {
      this.#storage.enterWith(store);
    }
  }

  /**
   * Run the user's call of fetch: its stack is to be known to what it starts later.
   * @param {() => unknown} call
   * @param {AbortSignal} [signal] by which the user ends it
   */
  fetching(call, signal) {
    const store = this.#storage.getStore();
    if (store === OURS) return call();
    this.#storage.enterWith({ token: store?.token, call: descending({ stack: capture(), fetch: { signal } }, this.#parent(store)) });
    try {
      return call();
    } finally {
      this.#storage.enterWith(store);
    }
  }

  /** Run what reads the file of a stream. @param {() => unknown} call @param {import('node:fs').ReadStream} stream */
  reading(call, stream) {
    this.#reader = stream;
    try {
      return call();
    } finally {
      this.#reader = undefined;
    }
  }

  /**
   * A hook in which nothing of ours may hurt the user: the first fault ends the watch. Afterwards it gives undefined.
   * @template Answer
   * @param {(...given: any[]) => Answer} call
   * @returns {(...given: any[]) => Answer | undefined}
   */
  guarded(call) {
    const hook = (first, second, third, fourth) => {
      if (this.#stopped) return undefined;
      this.#above = hook;
      try {
        return call(first, second, third, fourth);
      } catch (error) {
        this.#stopped = true;
        this.#hook.disable();
        this.#listener.broken(error);
        return undefined;
      }
    };
    return hook;
  }

  /** The stack of what called the running hook. @param {number} [most] frames */
  captured(most) {
    return capture(this.#above, most);
  }

  /** What is unfinished. @returns {Iterable<Work>} */
  unfinished() {
    this.#sweep();
    return this.#live;
  }

  /** The work of a handle or request. @param {object | undefined} resource @returns {Work | undefined} */
  of(resource) {
    return resource ? this.#ofResource.get(resource) : undefined;
  }

  #init(id, type, resource) {
    if (type === 'TickObject') return this.#tick(id);
    const kind = KINDS.get(type);
    if (kind === undefined) return;
    if (type === 'HTTPCLIENTREQUEST') this.#adopt(id, resource.req);
    else this.#add(id, type, (kind.connection && resource.handle) || resource, kind);
  }

  /** No work, but the way from a user's call to what a library starts a moment later. */
  #tick(id) {
    if (!this.ticks) return;
    const store = this.#storage.getStore();
    const token = store?.token;
    if (token === undefined || !this.#mayCapture(token)) return;
    this.#byId.set(id, descending({ id, kind: TICK, token, stack: this.captured() }, this.#parent(store)));
  }

  /** A request has got its parser; it may be known already. */
  #adopt(id, request) {
    const known = this.#ofResource.get(request);
    if (known === undefined) return this.#add(id, 'HTTPCLIENTREQUEST', request);
    known.id = id;
    if (this.#live.has(known)) this.#byId.set(id, known);
  }

  #add(id, type, resource, kind = KINDS.get(type)) {
    const store = this.#storage.getStore();
    if (store === OURS) return;
    const token = store?.token;
    if ((token === undefined && !kind.lasting) || kind.isNodes?.(resource)) return;
    this.#forget(this.#ofResource.get(resource));
    const work = this.#made(id, type, kind, resource, token, store);
    this.#live.add(work);
    if (type === 'FSREQCALLBACK') this.#readFor(work);
    if (id) this.#byId.set(id, work);
    this.#ofResource.set(resource, work);
    if (token?.ended) this.#listener.started(work);
    if (this.#live.size > this.#sweepAt) this.#sweep();
  }

  #made(id, type, kind, resource, token, store) {
    const stack = this.#mayCapture(token ?? NEUTRAL) ? this.captured() : undefined;
    return descending({ id, type, kind, resource, token, leak: undefined, stack }, this.#parent(store));
  }

  /** Streams are known from the first operation on: it opens. To load them takes two milliseconds. */
  #readFor(work) {
    work.stream = this.#reader;
    if (this.#readsFiles) return;
    this.#readsFiles = true;
    patchReadStream((call, stream) => this.reading(call, stream));
  }

  #mayCapture(counted) {
    counted.stacks = (counted.stacks ?? 0) + 1;
    return counted.stacks <= MOST_STACKS;
  }

  #parent(store) {
    return store?.call ?? this.step() ?? this.#running.at(-1);
  }

  #before(id) {
    const work = this.#byId.get(id);
    if (work === undefined) return;
    this.#running.push(work);
    if (work.kind === TICK) return;
    if (work.token?.ended) this.#listener.resumed(work);
    else this.#listener.passed();
  }

  #after(id) {
    if (this.#running.at(-1)?.id === id) this.#running.pop();
    const work = this.#byId.get(id);
    if (work === undefined) return;
    if (work.kind === TICK) this.#byId.delete(id);
    else if (isOver(work)) this.#end(work);
  }

  #progressed(request, status) {
    const work = this.#ofResource.get(request);
    if (work) work.status ??= status;
    if (work?.token?.ended) this.#listener.resumed(work);
  }

  #over(request) {
    const work = this.#ofResource.get(request);
    if (work === undefined) return;
    this.#progressed(request);
    work.over = true;
    this.#end(work);
  }

  /** The worker that the last entry is the handle of. */
  #nameWorker(worker) {
    const made = [...this.#live].findLast((work) => work.type === 'WORKER');
    if (made !== undefined) made.worker = worker;
  }

  #sweep() {
    for (const work of this.#live) if (work.kind.alive?.(work) === false) this.#end(work);
    this.#sweepAt = Math.max(FIRST_SWEEP, this.#live.size * 2);
  }

  #end(work) {
    if (!this.#live.has(work)) return;
    this.#forget(work);
    this.#listener.ended(work);
    work.resource = undefined; // descendants keep the work for its stack
  }

  #forget(work) {
    if (work === undefined) return;
    this.#live.delete(work);
    this.#byId.delete(work.id);
  }
}

function isOver(work) {
  return work.kind.once || !work.kind.alive(work);
}

/**
 * With a parent, but not with an endless line of ancestors: a timer that sets the next one would keep them all.
 * @param {object} child
 * @param {object | undefined} parent
 */
export function descending(child, parent) {
  if (parent === undefined) return Object.assign(child, { parent, oldest: undefined, depth: 0 });
  const oldest = parent.oldest ?? parent;
  const depth = parent.depth + 1;
  if (depth <= MOST_ANCESTORS) return Object.assign(child, { parent, oldest, depth });
  return Object.assign(child, { parent: oldest, oldest, depth: 1 });
}
