// From a place in generated code to the place that a person wrote: source maps, inline or in a file beside. Read when a leak
// is told of, never before: who leaks nothing pays nothing.
import { fs, path, require } from './builtins.mjs';

const LARGEST_BYTES = 32 * 1024 * 1024;
const COMMENT = /\/\/[#@]\s*sourceMappingURL=(\S+)\s*$/gm;
const INLINE = /^data:application\/json[^,]*?(;base64)?,/;
const { SourceMap, findSourceMap } = require('node:module');
const { fileURLToPath } = require('node:url');

/** File → its map, or null. @type {Map<string, {map: object, folder: string} | null>} */
const known = new Map();

/**
 * @param {string} file absolute path
 * @param {number} line from 1
 * @param {number} column from 1
 * @returns {{file: string, line: number, column: number} | undefined} undefined without a map, or where it says nothing
 */
export function original(file, line, column) {
  if (!known.has(file)) known.set(file, find(file));
  const found = known.get(file);
  const entry = found?.map.findEntry(line - 1, column - 1);
  // Of a line that the map does not know, Node tells the last one before it.
  if (entry?.originalSource === undefined || entry.generatedLine !== line - 1) return undefined;
  return { file: sourcePath(entry.originalSource, found.folder), line: entry.originalLine + 1, column: entry.originalColumn + 1 };
}

function find(file) {
  try {
    const loaded = findSourceMap(file); // where the user switched source maps on
    if (loaded) return { map: loaded, folder: path.dirname(file) };
    return read(file);
  } catch {
    return null; // no file (code made by eval), a map that is none: the generated place is told
  }
}

function read(file) {
  if (fs.statSync(file).size > LARGEST_BYTES) return null;
  const url = [...fs.readFileSync(file, 'utf8').matchAll(COMMENT)].at(-1)?.[1];
  if (url === undefined) return null;
  const inline = INLINE.exec(url);
  if (inline) return { map: parse(inlineText(url.slice(inline[0].length), inline[1])), folder: path.dirname(file) };
  const beside = path.resolve(path.dirname(file), decodeURIComponent(url));
  if (fs.statSync(beside).size > LARGEST_BYTES) return null;
  return { map: parse(fs.readFileSync(beside, 'utf8')), folder: path.dirname(beside) };
}

function inlineText(text, base64) {
  return base64 ? Buffer.from(text, 'base64').toString() : decodeURIComponent(text);
}

function parse(text) {
  return new SourceMap(JSON.parse(text));
}

/** Bundlers name sources in their own ways: `../src/app.ts`, `webpack://project/./src/app.ts`, a file URL. */
function sourcePath(source, folder) {
  if (source.startsWith('file:')) return fileURLToPath(source);
  const packed = /^webpack:\/\/\/?[^/]*\//.exec(source);
  if (packed) return path.resolve(process.env.LAMBDA_TASK_ROOT ?? '', source.slice(packed[0].length));
  return path.resolve(folder, source);
}
