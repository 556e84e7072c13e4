// The leaks of this process that are not finished, and the news of them: opened, resumed, finished, failed.
import { siteOf, stacksOf } from './leak-stacks.mjs';

const MOST_OPEN = 1000;
const MOST_OF_ONE_ENDING = 50;
const LONGEST = 500;

/**
 * @typedef {object} Leak
 * @property {string} id
 * @property {object | undefined} origin the invocation; undefined for the init phase
 * @property {Set<object>} live what of it is under way
 * @property {string | undefined} seen the invocation that it last went on in
 * @property {boolean} finished
 */

export class Leaks {
  #send;
  #prefix = Math.random().toString(36).slice(2, 8); // of this process: its environment may have others, later
  #count = 0;
  /** @type {Set<Leak>} */
  #open = new Set();
  #news = [];
  #holding = false;

  /** @param {(news: object[]) => void} send */
  constructor(send) {
    this.#send = send;
  }

  /** Whether work of an invocation is left; what the init phase keeps is none. */
  get any() {
    for (const leak of this.#open) if (leak.origin !== undefined) return true;
    return false;
  }

  /**
   * An invocation (or the init phase) is over: what it left.
   * @param {object | undefined} origin
   * @param {object[]} left
   * @param {import('./leak-work.mjs').UnderWay} underWay
   */
  tell(origin, left, underWay) {
    if (left.length === 0) return;
    this.#together(() => {
      const seen = left.filter((work) => work.kind.isLeak(work)).map((work) => witnessed(work, underWay));
      const groups = new Map();
      for (const each of seen.filter((one) => !one.isPart)) grouped(groups, `${each.place} ${each.told.description}`, each);
      for (const each of seen.filter((one) => one.isPart)) {
        const host = [...groups.values()].find(([first]) => first.place === each.place);
        if (host) host.push(each);
        else grouped(groups, each.place, each);
      }
      for (const group of [...groups.values()].slice(0, MOST_OF_ONE_ENDING)) this.#openFrom(origin, group);
    });
  }

  /** Equal work from one line is one leak. */
  #openFrom(origin, group) {
    const [{ work, told }] = group;
    const count = group.filter((each) => each.work.kind === work.kind).length;
    const leak = this.open(origin, count > 1 ? { ...told, count } : told, work);
    if (leak === undefined) return;
    for (const each of group) {
      if (each.work.kind === work.kind) this.join(leak, each.work);
      else each.work.leak = leak; // what a request needed on its way: its socket may outlive it
    }
  }

  /**
   * @param {object | undefined} origin
   * @param {{kind: string, description: string, detached?: boolean, count?: number}} told
   * @param {{stack?: object, parent?: object}} from the work or the promise that it comes from
   * @returns {Leak | undefined} undefined when there are too many
   */
  open(origin, told, from) {
    if (this.#open.size >= MOST_OPEN) return undefined;
    const leak = { id: `${this.#prefix}.${++this.#count}`, origin, live: new Set(), seen: undefined, finished: false, runs: false };
    this.#open.add(leak);
    this.say({
      is: 'open',
      leak: leak.id,
      kind: told.kind,
      description: told.description.slice(0, LONGEST),
      count: told.count ?? 1,
      detached: told.detached,
      origin: origin?.id ?? null,
      stacks: stacksOf(from),
    });
    return leak;
  }

  /** Something more belongs to a leak, and keeps it open. @param {Leak} leak @param {object} work */
  join(leak, work) {
    work.leak = leak;
    leak.live.add(work);
    leak.runs ||= Boolean(work.kind.runs);
    if (leak.finished) this.#reopen(leak);
  }

  #reopen(leak) {
    leak.finished = false;
    this.#open.add(leak);
  }

  /** Something of a leak goes on. @param {Leak} leak @param {string | undefined} id of the invocation, if one is running */
  resume(leak, id) {
    if (leak.origin === undefined) return;
    this.#settleSoon(leak, () => id);
    if (id === undefined || leak.seen === id) return;
    leak.seen = id;
    this.say({ is: 'resumed', leak: leak.id, in: id });
  }

  /** An event has thawed everything: what needs no event of its own goes on. @param {string} id */
  wake(id) {
    if (this.#open.size === 0) return;
    this.#together(() => {
      for (const leak of this.#open) if (leak.runs && leak.live.size > 0) this.resume(leak, id);
    });
  }

  /** Some work is over. @param {object} work @param {() => string | undefined} running the running invocation, asked later */
  lose(work, running) {
    const { leak } = work;
    if (leak === undefined) return;
    leak.live.delete(work);
    if (leak.live.size === 0) this.#settleSoon(leak, running);
  }

  /** Nothing is left of a leak, unless what just ran starts something: its promises get their turn first. */
  #settleSoon(leak, running) {
    if (leak.settling) return;
    leak.settling = true;
    queueMicrotask(() =>
      process.nextTick(() => {
        leak.settling = false;
        this.#settle(leak, running);
      }),
    );
  }

  #settle(leak, running) {
    if (leak.live.size > 0 || leak.finished) return;
    leak.finished = true;
    this.#open.delete(leak);
    this.say({ is: 'finished', leak: leak.id, in: running() ?? null });
  }

  /** The process is about to freeze: what is finished is told now. @param {(origin: object) => string | undefined} inside */
  settleAll(inside) {
    if (this.#open.size === 0) return;
    this.#together(() => {
      for (const leak of this.#open) this.#settle(leak, () => inside(leak.origin));
    });
  }

  /** A leak's error ends an invocation that it does not belong to. @param {Leak} leak @param {string | undefined} id @param {unknown} thrown */
  fail(leak, id, thrown) {
    if (id !== undefined) this.resume(leak, id);
    this.say({ is: 'failed', leak: leak.id, in: id ?? null, error: String(thrown).slice(0, LONGEST) });
  }

  /** @param {object} item */
  say(item) {
    this.#news.push(item);
    if (!this.#holding) this.#flush();
  }

  #together(call) {
    this.#holding = true;
    try {
      call();
    } finally {
      this.#holding = false;
      this.#flush();
    }
  }

  #flush() {
    if (this.#news.length === 0) return;
    const news = this.#news;
    this.#news = [];
    this.#send(news);
  }
}

function grouped(groups, key, each) {
  const group = groups.get(key);
  if (group) group.push(each);
  else groups.set(key, [each]);
}

/** What is told of a piece of unfinished work, and from where it comes. */
export function witnessed(work, underWay) {
  if (work.type === 'HTTPCLIENTREQUEST') work.parent ??= underWay.of(work.resource.socket?._handle);
  const told = work.kind.describe(work);
  const site = siteOf(work);
  const { file, line, column } = site?.frame ?? {};
  return { work, told, site, isPart: Boolean(work.kind.isPart?.(work)), place: `${file}:${line}:${column}` };
}
