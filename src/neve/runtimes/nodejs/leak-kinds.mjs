// The kinds of work that Node can have under way: whether one is still alive, and what people call it.
//
// Types are those of async_hooks. A kind with `once` is over when its callback has run; of the others `alive` tells.
import { callerOf, framesOf, siteOf } from './leak-stacks.mjs';

/**
 * @typedef {object} Kind
 * @property {boolean} [once] over after its callback
 * @property {(work: object) => boolean} [alive] without it, until its callback has run
 * @property {(work: object) => {kind: string, description: string, detached?: boolean}} describe
 * @property {(work: object) => boolean} isLeak whether it is one when its invocation has ended
 * @property {(resource: object) => boolean} [isNodes] whether it is born as one of Node's own: not worth a stack
 * @property {(work: object) => boolean} [holds] whether it keeps the event loop going; by default it does
 * @property {boolean} [connection] belongs to whoever uses it: the invocation that opened it is only the first
 * @property {(work: object) => boolean} [isPart] whether it is told only when nothing that it is part of is told: the name lookup
 *   of a request, the timer by which a package limits the time of one
 * @property {boolean} [lasting] worth knowing when the init phase made it
 * @property {boolean} [runs] goes on by itself whenever the environment is thawed
 */

/** Packages whose timers keep pools and tables in order: they carry nobody's work. */
const HOUSEKEEPERS = new Set([
  '@aws-sdk/node-http-handler', '@redis/client', '@smithy/node-http-handler', 'agentkeepalive', 'generic-pool', 'ioredis', 'keyv', 'lru-cache', 'mongodb', 'mysql2', 'node-cache',
  'pg', 'pg-pool', 'redis', 'tarn', 'tedious', 'undici',
]);

/** Packages that write log lines: nobody waits for those, and no result of anybody's depends on them. */
const LOG_WRITERS = new Set(['sonic-boom']);

const LONGEST_COMMAND = 120;

const holdsByHandle = ({ resource }) => resource.hasRef?.() ?? true;

const timer = {
  // Everybody else's begin to hold the process, and may be unref'd then; those of timers/promises come with arguments.
  isNodes: (resource) => !resource.hasRef() && resource._timerArgs === undefined,
  alive: ({ resource }) => !resource._destroyed,
  lasting: true,
  holds: holdsByHandle,
  isPart: (work) => callerOf(framesOf(work.stack))?.place === 'library',
  isLeak: (work) => !isHousekeeping(work, work.resource.hasRef()),
  describe({ resource }) {
    const detached = !resource.hasRef();
    const holds = detached ? ", unref'd" : '';
    const repeat = resource._repeat;
    return repeat
      ? { kind: 'interval', description: `interval (every ${repeat} ms${holds})`, detached }
      : { kind: 'timer', description: `timer (${resource._idleTimeout} ms${holds})`, detached };
  },
};

const immediate = {
  alive: ({ resource }) => !resource._destroyed,
  isLeak: (work) => !isHousekeeping(work, true),
  describe: () => ({ kind: 'immediate', description: 'immediate' }),
};

/** Node's own timers (a socket's time limit) are none of anybody's; those of packages are when they hold the loop. */
function isHousekeeping(work, holds) {
  const caller = callerOf(framesOf(work.stack));
  if (caller === undefined || caller.place === 'node') return true;
  return caller.place === 'library' && (!holds || HOUSEKEEPERS.has(caller.library));
}

const file = {
  once: true,
  alive: ({ stream }) => !stream?.destroyed, // nobody gets what is still being read for a stream that was left early
  isLeak: (work) => hasSite(work) && !isLogLine(work) && fileCall(work) !== 'close', // without a site: Node's loader of modules
  describe(work) {
    const name = fileCall(work);
    return { kind: 'file', description: name && name !== '<anonymous>' ? `file operation (${name})` : 'file operation' };
  },
};

function fileCall(work) {
  const call = framesOf(work.stack).find((frame) => /^node:(?:internal\/)?fs/.test(frame.file))?.call;
  return call?.replace(/^Object\./, '');
}

function isLogLine(work) {
  const caller = framesOf(work.stack).find((frame) => frame.place !== 'node');
  return caller?.place === 'library' && LOG_WRITERS.has(caller.library);
}

const lookup = { once: true, isPart, isLeak: isConnecting, describe: always('dns', 'name lookup') };
const connecting = { once: true, isPart, isLeak: isConnecting, describe: always('socket', 'connection being opened') };
const crypto = {
  once: true,
  alive: ({ resource }) => resource.ondone !== undefined, // one that is done at once (randomUUID) has no callback
  isLeak: hasSite,
  describe: always('crypto', 'cryptographic operation'),
};

function isPart() {
  return true;
}

function hasSite(work) {
  return siteOf(work) !== undefined;
}

function always(kind, description) {
  return () => ({ kind, description });
}

const socket = {
  alive: isOpen,
  connection: true,
  isPart,
  lasting: true,
  holds: ({ resource }) => holdsByHandle({ resource }) && !isStandardOutput(ownerOf(resource)),
  isLeak: isUserConnection,
  describe({ resource }) {
    const { remoteAddress, remotePort } = ownerOf(resource) ?? {};
    return { kind: 'socket', description: remoteAddress ? `socket to ${remoteAddress}:${remotePort}` : 'socket' };
  },
};

function isStandardOutput(owner) {
  return owner?._isStdio || owner?.fd <= 2;
}

/**
 * Whether user code opened it with its own hand. Sockets of HTTP agents and of packages are kept for whoever comes next.
 * @param {object} work
 */
export function isUserConnection(work) {
  const owner = ownerOf(work.resource);
  if (owner === undefined || '_httpMessage' in owner || isStandardOutput(owner)) return false;
  const frames = framesOf(work.stack);
  const caller = frames.find((frame) => frame.place !== 'node');
  return caller?.place === 'user' && !frames.some(isOfHttp) && !frames.some((frame) => OF_PROCESSES.test(frame.file));
}

const OF_HTTP = /^node:(?:_http|internal\/(?:deps\/undici|http2))/;
const OF_PROCESSES = /^node:internal\/(?:child_process|worker)/;

function isOfHttp({ file }) {
  return OF_HTTP.test(file);
}

/** What a request needs is told with it; when the request is over, it is the agent's, for whoever comes next. */
function isConnecting(work) {
  for (let at = work; at !== undefined; at = at.parent) if (at.fetch || framesOf(at.stack).some(isOfHttp)) return false;
  return hasSite(work);
}

const server = {
  alive: isOpen,
  isPart,
  lasting: true,
  holds: holdsByHandle,
  isLeak: hasSite,
  describe: always('server', 'server'),
};
const watcher = { ...server, isPart: undefined, describe: always('file watcher', 'file watcher') };

const child = {
  alive: isOpen,
  lasting: true,
  runs: true,
  holds: holdsByHandle,
  isLeak: () => true,
  describe({ resource }) {
    const { pid, spawnargs = [] } = ownerOf(resource) ?? {};
    const command = spawnargs.join(' ');
    const shown = command.length > LONGEST_COMMAND ? `${command.slice(0, LONGEST_COMMAND)}…` : command;
    return { kind: 'child process', description: `child process ${pid ?? ''} (${shown})` };
  },
};

const worker = {
  alive: ({ worker: made }) => made === undefined || made.threadId !== -1,
  lasting: true,
  runs: true,
  isLeak: () => true,
  describe: always('worker thread', 'worker thread'),
};

const request = {
  lasting: true,
  alive: ({ resource }) => !resource.destroyed && !resource.res?.complete,
  isLeak: () => true,
  describe({ resource }) {
    const answered = resource.res ? ', answered but not read' : '';
    return { kind: 'http', description: describeRequest(resource) + answered };
  },
};

function describeRequest(made) {
  const host = made.getHeader?.('host') ?? made.host;
  const target = made.getHeader?.('x-amz-target')?.toString().split('.').at(-1); // what a call of a service is, its path is `/`
  return `${made.method} ${made.protocol}//${host}${withoutQuery(made.path)}${target ? ` (${target})` : ''}`;
}

/** A query may hold a signature or a key. */
function withoutQuery(target) {
  return String(target ?? '').split('?')[0];
}

const fetched = {
  lasting: true,
  alive: (work) => !work.over && !work.parent?.fetch?.signal?.aborted, // an aborted one ends when it has got a connection
  isLeak: () => true,
  describe: ({ resource }) => ({ kind: 'fetch', description: describeFetch(resource) }),
};

const stream = {
  alive: ({ resource }) => isUnderWay(ownerOf(resource)),
  isLeak: ({ resource }) => ownerOf(resource)?.session?.type === CLIENT,
  describe({ resource }) {
    const { ':method': method, ':authority': host, ':path': target } = ownerOf(resource)?.sentHeaders ?? {};
    return { kind: 'http', description: `${method} ${host}${withoutQuery(target)} (HTTP/2)` };
  },
};

const CLIENT = 1; // constants.NGHTTP2_SESSION_CLIENT

function isUnderWay(owner) {
  return owner !== undefined && !owner.destroyed && !owner.closed;
}

function describeFetch({ method, origin, path }) {
  return `${method} ${origin}${withoutQuery(path)}`;
}

const CRYPTO = [
  'PBKDF2REQUEST', 'SCRYPTREQUEST', 'RANDOMBYTESREQUEST', 'RANDOMPRIMEREQUEST', 'CHECKPRIMEREQUEST', 'KEYPAIRGENREQUEST',
  'KEYGENREQUEST', 'DERIVEBITSREQUEST', 'SIGNREQUEST', 'VERIFYREQUEST', 'HASHREQUEST', 'CIPHERREQUEST',
];

/** @type {Map<string, Kind>} by the type of async_hooks, and two of our own */
export const KINDS = new Map([
  ['Timeout', timer],
  ['Immediate', immediate],
  ['FSREQCALLBACK', file],
  ['FSREQPROMISE', file],
  ['GETADDRINFOREQWRAP', lookup],
  ['GETNAMEINFOREQWRAP', lookup],
  ['QUERYWRAP', lookup],
  ['TCPCONNECTWRAP', connecting],
  ['PIPECONNECTWRAP', connecting],
  ['TCPWRAP', socket],
  ['TLSWRAP', socket],
  ['PIPEWRAP', socket],
  ['UDPWRAP', { ...socket, alive: ({ resource }) => resource.fd >= 0, describe: always('socket', 'UDP socket') }],
  ['HTTP2STREAM', stream],
  ['TCPSERVERWRAP', server],
  ['PIPESERVERWRAP', server],
  ['FSEVENTWRAP', watcher],
  ['PROCESSWRAP', child],
  ['WORKER', worker],
  ['HTTPCLIENTREQUEST', request],
  ...CRYPTO.map((type) => [type, crypto]),
]);

export const FETCH = fetched;

let ownerSymbol;

/** The JavaScript object that a handle of libuv serves. @param {object} handle */
export function ownerOf(handle) {
  ownerSymbol ??= Object.getOwnPropertySymbols(handle).find((symbol) => symbol.description === 'owner_symbol');
  return handle[ownerSymbol] ?? undefined;
}

function isOpen({ resource }) {
  const owner = ownerOf(resource);
  return owner !== undefined && owner._handle === resource;
}
