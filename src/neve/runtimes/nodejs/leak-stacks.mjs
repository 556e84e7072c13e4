// Where work was started: stacks that are taken cheaply (some µs) and read only when a leak is told of.
import { fs, path, require } from './builtins.mjs';

const { fileURLToPath } = require('node:url');

const SHALLOW = 10;
const DEEP = 40;
const SHOWN = 10;
const CALLERS = 4;
const MOST_STACKS = 8;
const BEYOND = 5;
const OWN_FOLDER = path.dirname(fileURLToPath(import.meta.url)) + path.sep;
const HOOKS = /^node:(?:internal\/)?(?:async_hooks|promise_hooks|async_local_storage)/;
const FILE_URL = 'file://'; // a URL object would take a millisecond, the first time
const TIMERS = /^node:(?:internal\/)?(?:timers|util)/;

/**
 * @typedef {object} Frame
 * @property {string} call the function's name
 * @property {string} file absolute path; Neve reads its source map
 * @property {number} line from 1
 * @property {number} column from 1
 * @property {'user' | 'library' | 'node'} place whose code it is
 * @property {string} [library] the package's name
 */

let roots = [];
let depth = SHALLOW;
let mostBeyond = 0;

/**
 * @param {string} taskRoot the folder of the user's code
 * @param {boolean} deep whether stacks are taken whole: half a microsecond for each frame
 */
export function prepareStacks(taskRoot, deep) {
  depth = deep ? DEEP : SHALLOW;
  mostBeyond = deep ? BEYOND : 0;
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

/** The stack of an error that nobody caught, as if it had been captured. @param {unknown} error */
export function stackOfError(error) {
  const lines = typeof error?.stack === 'string' ? error.stack.split('\n') : [];
  return { frames: lines.map((line) => FRAME_LINE.exec(line)?.groups).filter(Boolean).map(frameOfLine).filter(Boolean) };
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
  return { call: name, file, line, column, ...placeOf(file) };
}

function placeOf(file) {
  const at = file.lastIndexOf('node_modules/');
  if (at >= 0) return { place: 'library', library: packageName(file.slice(at + 'node_modules/'.length)) };
  return { place: roots.some((root) => file.startsWith(root)) ? 'user' : 'library' };
}

function packageName(below) {
  const [first, second] = below.split('/');
  return first.startsWith('@') ? `${first}/${second}` : first;
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

/**
 * The stacks of a piece of work, its own first, then those of what led to it: Neve picks the line, once it has read the source
 * maps.
 * @param {{stack?: object, parent?: object} | undefined} work
 * @returns {[string, string, number, number][][]} call, file, line, column
 */
export function stacksOf(work) {
  const stacks = [];
  let beyond = 0; // a frame of the user's may turn out to be a library's, in a bundle
  for (let at = work; at !== undefined && beyond <= mostBeyond; at = at.parent) {
    const frames = framesOf(at.stack);
    const told = toldFrames(frames);
    if (told.length > 0) stacks.push(told);
    if (beyond > 0 || frames.some((frame) => frame.place === 'user')) beyond += 1;
  }
  return stacks.length <= MOST_STACKS ? stacks : [...stacks.slice(0, MOST_STACKS / 2), ...stacks.slice(-MOST_STACKS / 2)];
}

/** @param {Frame[]} frames @returns {[string, string, number, number][]} without Node's own */
export function toldFrames(frames) {
  const all = frames.filter((frame) => frame.place !== 'node');
  const users = all.findIndex((frame) => frame.place === 'user'); // deep below some packages
  const told = users < SHOWN ? all.slice(0, SHOWN) : [...all.slice(0, SHOWN - CALLERS), ...all.slice(users, users + CALLERS)];
  return told.map(({ call, file, line, column }) => [call, file, line, column]);
}
