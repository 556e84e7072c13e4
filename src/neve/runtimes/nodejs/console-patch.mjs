// Every patch of a global that the runtime client makes is in this file: the console, fetch, the views of
// active handles, the age of the process, the reading of files by streams.
import { format, fs } from './builtins.mjs';
import { isError, loggedError } from './errors.mjs';
import { writeLogFrame } from './output.mjs';
import { watch } from './watching.mjs';

const TEXT = 0xa55a0003;
const JSON_TEXT = 0xa55a0002;

/** @typedef {{name: string, bits: number}} Level */
const TRACE = { name: 'TRACE', bits: 0b00100 };
const DEBUG = { name: 'DEBUG', bits: 0b01000 };
const INFO = { name: 'INFO', bits: 0b01100 };
const WARN = { name: 'WARN', bits: 0b10000 };
const ERROR = { name: 'ERROR', bits: 0b10100 };
const FATAL = { name: 'FATAL', bits: 0b11000 };

/** What each method writes as; `dir`, `table`, `time` and the rest stay Node's and write raw. */
const METHODS = { trace: TRACE, debug: DEBUG, log: INFO, info: INFO, warn: WARN, error: ERROR, fatal: FATAL };
const LEVELS = [TRACE, DEBUG, INFO, WARN, ERROR, FATAL];

/**
 * @typedef {object} LogIdentity who is speaking, asked at every line
 * @property {() => string | undefined} requestId
 * @property {() => string | undefined} tenantId
 */

let logFailure = () => {};

/**
 * Replace the console's methods.
 * @param {LogIdentity} identity
 * @param {{json: boolean, level: string | undefined}} wanted
 */
export function patchConsole(identity, wanted) {
  const write = wanted.json ? jsonWriter(identity) : textWriter(identity);
  const floor = LEVELS.find((level) => level.name === wanted.level?.toUpperCase()) ?? TRACE;
  for (const [method, level] of Object.entries(METHODS)) {
    console[method] = level.bits < floor.bits ? () => {} : (message, ...rest) => write(level, message, rest);
  }
  logFailure = wanted.json
    ? (_label, thrown) => write(ERROR, thrown, [])
    : (label, thrown) => write(ERROR, label, [loggedError(thrown)]);
}

/**
 * One of the runtime's own error lines. It is not the user's `console.error`, so that a replaced one does not change it.
 * @param {'Invoke Error' | 'Uncaught Exception' | 'Unhandled Promise Rejection' | 'Init Error'} label
 * @param {unknown} thrown
 */
export function logError(label, thrown) {
  logFailure(label, thrown);
}

function textWriter(identity) {
  return (level, message, rest) => {
    const now = Date.now();
    const text = rest.length === 0 && typeof message === 'string' ? message : format(message, ...rest);
    const line = `${new Date(now).toISOString()}\t${identity.requestId()}\t${level.name}\t${text}\n`;
    writeLogFrame((TEXT | level.bits) >>> 0, now, line, watch.leftOver());
  };
}

function jsonWriter(identity) {
  return (level, message, rest) => {
    const now = Date.now();
    const entry = { timestamp: new Date(now).toISOString(), level: level.name, requestId: identity.requestId() };
    const tenantId = identity.tenantId();
    if (tenantId !== undefined && tenantId !== '') entry.tenantId = tenantId;
    writeLogFrame((JSON_TEXT | level.bits) >>> 0, now, `${jsonLine(entry, message, rest)}\n`, watch.leftOver());
  };
}

function jsonLine(entry, message, rest) {
  if (rest.length > 0) return stringify(entryOfSeveral(entry, message, rest));
  entry.message = message;
  try {
    return stringify(entry);
  } catch {
    entry.message = format(message); // a cycle, a BigInt
    return stringify(entry);
  }
}

function entryOfSeveral(entry, message, rest) {
  entry.message = format(message, ...rest);
  const error = [message, ...rest].find(isError);
  if (error !== undefined) Object.assign(entry, errorFields(error));
  return entry;
}

function stringify(entry) {
  return JSON.stringify(entry, (_key, value) => (isError(value) ? { ...errorFields(value), ...value } : value));
}

function errorFields(error) {
  const { stack } = error;
  return {
    errorType: error.constructor?.name ?? 'UnknownError',
    errorMessage: error.message,
    stackTrace: typeof stack === 'string' ? stack.split('\n') : [],
  };
}

/**
 * Have every call of the global `fetch` go through `around`; its mark and its stack are gone when it does its work.
 * @param {(call: () => unknown, signal?: AbortSignal) => unknown} around
 */
export function patchFetch(around) {
  const { fetch: original } = globalThis;
  if (typeof original !== 'function') return;
  const descriptor = Object.getOwnPropertyDescriptor(globalThis, 'fetch');
  const value = { fetch: (...given) => around(() => original.apply(globalThis, given), signalOf(given)) }.fetch;
  Object.defineProperty(value, 'length', { value: original.length });
  Object.defineProperty(globalThis, 'fetch', { configurable: true, enumerable: descriptor?.enumerable, writable: true, value });
}

function signalOf([resource, options]) {
  return options?.signal ?? resource?.signal;
}

/**
 * Have every read of a stream of a file go through `around`: of the operation itself nobody can tell whose it is.
 * @param {(call: () => unknown, stream: import('node:fs').ReadStream) => unknown} around
 */
export function patchReadStream(around) {
  const { prototype } = fs.ReadStream;
  const original = prototype._read;
  const { _read } = {
    _read(size) {
      return around(() => original.call(this, size), this);
    },
  };
  Object.defineProperty(prototype, '_read', { value: _read });
}

/** A process that waited for its function is as old as its function: whoever asks wants to know of a cold start. */
export function restartUptime() {
  const original = process.uptime;
  const before = original();
  process.uptime = { uptime: () => original() - before }.uptime;
}

/**
 * Keep the runtime's own channel out of `process._getActiveHandles()`, which people use to find what keeps their
 * function waiting. `process._getActiveRequests()` never has anything of ours: writes are synchronous.
 * @param {object} handle
 */
export function hideHandle(handle) {
  const all = process._getActiveHandles;
  process._getActiveHandles = () => all.call(process).filter((shown) => shown !== handle);
}
