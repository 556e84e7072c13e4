// Where work was started: stacks that are taken cheaply (some µs) and read only when a leak is told of.
import { fs, path, require } from './builtins.mjs';
import { original } from './leak-source-maps.mjs';

const { fileURLToPath } = require('node:url');

const SHALLOW = 10;
const DEEP = 24;
const SHOWN = 8;
const OWN_FOLDER = path.dirname(fileURLToPath(import.meta.url)) + path.sep;
const HOOKS = /^node:(?:internal\/)?(?:async_hooks|promise_hooks|async_local_storage)/;
const FILE_URL = 'file://'; // a URL object would take a millisecond, the first time
const TIMERS = /^node:(?:internal\/)?(?:timers|util)/;

/**
 * @typedef {object} Frame
 * @property {string} call the function's name
 * @property {string} file relative to the task root where it lies there, else absolute
 * @property {number} line from 1
 * @property {number} column from 1
 * @property {'user' | 'library' | 'node'} place whose code it is
 * @property {string} [library] the package's name
 */

let roots = [];
let depth = SHALLOW;

/**
 * @param {string} taskRoot the folder of the user's code
 * @param {boolean} deep whether stacks are taken whole: half a microsecond for each frame
 */
export function prepareStacks(taskRoot, deep) {
  depth = deep ? DEEP : SHALLOW;
  roots = [...new Set([taskRoot, realPath(taskRoot)])].map((root) => root + path.sep);
}

function realPath(folder) {
  try {
    return fs.realpathSync(folder);
  } catch {
    return folder;
  }
}

/**
 * The stack as it is now, unread.
 * @param {Function} [above] frames from this function on are left out
 * @param {number} [most] frames
 * @returns {{stack: unknown, frames?: Frame[]}}
 */
export function capture(above = capture, most = depth) {
  const limit = Error.stackTraceLimit;
  const holder = {};
  Error.stackTraceLimit = most;
  Error.captureStackTrace(holder, above);
  Error.stackTraceLimit = limit;
  return holder;
}

/** Read a captured stack, once. @param {ReturnType<typeof capture> | undefined} holder @returns {Frame[]} */
export function framesOf(holder) {
  if (holder === undefined) return [];
  if (holder.frames === undefined) {
    holder.frames = callSites(holder).map(frameOf).filter(Boolean);
    holder.stack = undefined; // the functions and objects that it keeps may go
  }
  return holder.frames;
}

/** The place of an error that nobody caught. @param {unknown} error @returns {Frame[]} */
export function framesOfError(error) {
  const lines = typeof error?.stack === 'string' ? error.stack.split('\n') : [];
  return lines.map((line) => FRAME_LINE.exec(line)?.groups).filter(Boolean).map(frameOfLine).filter(Boolean);
}

const FRAME_LINE = /^\s*at\s+(?:(?<call>.*?)\s+\()?(?<file>[^()]+?):(?<line>\d+):(?<column>\d+)\)?$/;

function frameOfLine({ call, file, line, column }) {
  return frameAt(call?.replace(/^async /, ''), file, Number(line), Number(column));
}

function callSites(holder) {
  const before = Object.getOwnPropertyDescriptor(Error, 'prepareStackTrace');
  Error.prepareStackTrace = (_error, sites) => sites;
  try {
    return Array.isArray(holder.stack) ? holder.stack : [];
  } finally {
    if (before) Object.defineProperty(Error, 'prepareStackTrace', before);
    else delete Error.prepareStackTrace;
  }
}

function frameOf(site) {
  const call = site.isConstructor() ? `new ${site.getFunctionName()}` : site.getFunctionName();
  return frameAt(call, site.getFileName(), site.getLineNumber(), site.getColumnNumber());
}

/**
 * @param {string | null | undefined} call the function's name
 * @param {string | undefined} location a path or a file URL
 * @param {number} line from 1
 * @param {number} column from 1
 * @returns {Frame | undefined} undefined for what is ours
 */
export function frameAt(call, location, line, column) {
  const name = call || '<anonymous>';
  if (!location || location.startsWith('node:') || location.startsWith('<')) {
    return HOOKS.test(location ?? '') ? undefined : { call: name, file: location ?? '', line, column, place: 'node' };
  }
  const file = location.startsWith(FILE_URL) ? decodeURIComponent(location.slice(FILE_URL.length)) : location;
  if (file.startsWith(OWN_FOLDER)) return undefined;
  const found = original(file, line, column) ?? { file, line, column };
  return { call: name, ...found, file: shown(found.file, file), ...placeOf(found.file, file) };
}

/** Compiled code is the user's wherever its source map says that it came from, but for packages. */
function placeOf(source, file) {
  const at = source.lastIndexOf('node_modules/');
  if (at >= 0) return { place: 'library', library: packageName(source.slice(at + 'node_modules/'.length)) };
  return { place: roots.some((root) => file.startsWith(root)) ? 'user' : 'library' };
}

function packageName(below) {
  const [first, second] = below.split('/');
  return first.startsWith('@') ? `${first}/${second}` : first;
}

function shown(source, file) {
  const root = roots.find((each) => file.startsWith(each));
  return root === undefined ? source : path.relative(root, source);
}

/**
 * Who asked Node for it: the first frame behind Node's own doors for timers.
 * @param {Frame[]} frames
 * @returns {Frame | undefined}
 */
export function callerOf(frames) {
  return frames.find((frame) => frame.place !== 'node' || (frame.file !== '' && !TIMERS.test(frame.file)));
}

/**
 * The user's frame nearest to a piece of work, in its own stack or in those of its ancestors; else the first of a library.
 * @param {{stack?: object, parent?: object} | undefined} work
 * @returns {{frame: Frame, frames: Frame[]} | undefined}
 */
export function siteOf(work) {
  return nearest(work, 'user') ?? nearest(work, 'library');
}

function nearest(work, place) {
  for (let at = work; at !== undefined; at = at.parent) {
    const frames = framesOf(at.stack);
    const frame = frames.find((each) => each.place === place);
    if (frame) return { frame, frames };
  }
  return undefined;
}

/** @param {Frame[]} frames @returns {string[]} the few lines that people read */
export function shortStack(frames) {
  const told = frames.filter((frame) => frame.place !== 'node').slice(0, SHOWN);
  return told.map((frame) => `${frame.call} (${frame.file}:${frame.line}:${frame.column})`);
}
