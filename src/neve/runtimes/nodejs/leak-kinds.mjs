// The kinds of work that Node can have under way: whether one is still alive, and what people call it.
//
// Types are those of async_hooks. A kind with `once` is over when its callback has run; of the others `alive` tells.
import { callerOf, framesOf, siteOf } from './leak-stacks.mjs';

/**
 * @typedef {object} Kind
 * @property {boolean} [once] over after its callback
 * @property {(work: object) => boolean} [alive]
 * @property {boolean} [connection] belongs to whoever uses it: the invocation that opened it is only the first
 * @property {boolean} [part] told as itself only when nothing that it is part of is told (the name lookup of a request)
 * @property {boolean} [lasting] worth knowing when the init phase made it
 * @property {boolean} [runs] goes on by itself whenever the environment is thawed
 * @property {(work: object) => {kind: string, description: string} | undefined} tell undefined: no leak
 */

/** Packages whose timers keep pools and tables in order: they carry nobody's work. */
const HOUSEKEEPERS = new Set([
  '@redis/client', 'agentkeepalive', 'generic-pool', 'ioredis', 'keyv', 'lru-cache', 'mongodb', 'mysql2', 'node-cache',
  'pg', 'pg-pool', 'redis', 'tarn', 'tedious', 'undici',
]);

const LONGEST_COMMAND = 120;

const timer = {
  alive: ({ resource }) => !resource._destroyed,
  lasting: true,
  tell(work) {
    const { resource } = work;
    if (isHousekeeping(work, resource.hasRef())) return undefined;
    const detached = resource.hasRef() ? '' : ", unref'd";
    const repeat = resource._repeat;
    return repeat
      ? { kind: 'interval', description: `interval (every ${repeat} ms${detached})` }
      : { kind: 'timer', description: `timer (${resource._idleTimeout} ms${detached})` };
  },
};

const immediate = {
  alive: ({ resource }) => !resource._destroyed,
  tell: (work) => (isHousekeeping(work, true) ? undefined : { kind: 'immediate', description: 'immediate' }),
};

/** Node's own timers (a socket's time limit) are none of anybody's; those of packages are when they hold the loop. */
function isHousekeeping(work, holds) {
  const caller = callerOf(framesOf(work.stack));
  if (caller === undefined || caller.place === 'node') return true;
  return caller.place === 'library' && (!holds || HOUSEKEEPERS.has(caller.library));
}

const file = {
  once: true,
  tell(work) {
    if (siteOf(work) === undefined) return undefined; // Node's own: the loader of modules
    const call = framesOf(work.stack).find((frame) => /^node:(?:internal\/)?fs/.test(frame.file))?.call;
    const name = call?.replace(/^Object\./, '');
    return { kind: 'file', description: name && name !== '<anonymous>' ? `file operation (${name})` : 'file operation' };
  },
};

const lookup = { once: true, part: true, tell: whenSited('dns', 'name lookup') };
const connecting = { once: true, part: true, tell: whenSited('socket', 'connection being opened') };
const crypto = { once: true, tell: whenSited('crypto', 'cryptographic operation') };

function whenSited(kind, description) {
  return (work) => (siteOf(work) === undefined ? undefined : { kind, description });
}

const socket = {
  alive: isOpen,
  connection: true,
  part: true,
  tell(work) {
    const owner = ownerOf(work.resource);
    if (!isUserConnection(work)) return undefined;
    return { kind: 'socket', description: `socket${owner?.remoteAddress ? ` to ${owner.remoteAddress}:${owner.remotePort}` : ''}` };
  },
};

/**
 * Whether user code opened it with its own hand. Sockets of HTTP agents and of packages are kept for whoever comes next.
 * @param {object} work
 */
export function isUserConnection(work) {
  const owner = ownerOf(work.resource);
  if (owner === undefined || '_httpMessage' in owner || owner._isStdio || owner.fd <= 2) return false;
  const frames = framesOf(work.stack);
  const caller = frames.find((frame) => frame.place !== 'node');
  return caller?.place === 'user' && !frames.some((frame) => /^node:(?:_http|internal\/(?:deps\/undici|child_process|worker))/.test(frame.file));
}

const server = { alive: isOpen, part: true, lasting: true, tell: whenSited('server', 'server') };
const watcher = { alive: isOpen, lasting: true, tell: whenSited('file watcher', 'file watcher') };

const child = {
  alive: ({ resource }) => isOpen({ resource }),
  lasting: true,
  runs: true,
  tell({ resource }) {
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
  tell: () => ({ kind: 'worker thread', description: 'worker thread' }),
};

const request = {
  lasting: true,
  alive: ({ resource }) => !resource.destroyed && !resource.res?.complete,
  tell: ({ resource }) => ({ kind: 'http', description: describeRequest(resource) }),
};

function describeRequest(made) {
  const host = made.getHeader?.('host') ?? made.host;
  const answered = made.res ? ', answered but not read' : '';
  return `${made.method} ${made.protocol}//${host}${withoutQuery(made.path)}${answered}`;
}

/** A query may hold a signature or a key. */
function withoutQuery(target) {
  return String(target ?? '').split('?')[0];
}

const fetched = {
  lasting: true,
  alive: (work) => !work.over,
  tell: ({ resource }) => ({ kind: 'fetch', description: `${resource.method} ${resource.origin}${withoutQuery(resource.path)}` }),
};

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
  ['TCPSERVERWRAP', server],
  ['PIPESERVERWRAP', server],
  ['FSEVENTWRAP', watcher],
  ['PROCESSWRAP', child],
  ['WORKER', worker],
  ['HTTPCLIENTREQUEST', request],
  ...CRYPTO.map((type) => [type, crypto]),
]);

export const FETCH = fetched;
export const REQUEST = request;

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
