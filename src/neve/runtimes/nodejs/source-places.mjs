// From places in generated code to the places that a person wrote: source maps, inline or in a file beside.
//
// Run by Neve, not by a function: reading the map of a bundle takes more time than most invocations have. Standard input is a
// JSON list of [file, line, column], lines and columns from 1; standard output the list of [source, line, column], or null
// where no map says anything. `source` is a path, absolute or, from a bundler, as `webpack:///src/app.ts`.
import fs from 'node:fs';
import { SourceMap } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const LARGEST_BYTES = 64 * 1024 * 1024;
const COMMENT = /\/\/[#@]\s*sourceMappingURL=(\S+)\s*$/gm;
const INLINE = /^data:application\/json[^,]*?(;base64)?,/;

/** File → its map and the folder that its sources are relative to, or null. */
const known = new Map();

function original([file, line, column]) {
  if (!known.has(file)) known.set(file, find(file));
  const found = known.get(file);
  const entry = found?.map.findEntry(line - 1, column - 1);
  // Of a line that the map does not know, Node tells the last one before it.
  if (entry?.originalSource === undefined || entry.generatedLine !== line - 1) return null;
  return [sourcePath(entry.originalSource, found.folder), entry.originalLine + 1, entry.originalColumn + 1];
}

function find(file) {
  try {
    return read(file);
  } catch {
    return null; // no file (code made by eval), a map that is none
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

function sourcePath(source, folder) {
  if (source.startsWith('file:')) return fileURLToPath(source);
  const packed = /^webpack:\/\/\/?[^/]*\//.exec(source);
  if (packed) return `webpack:///${path.posix.normalize(source.slice(packed[0].length))}`;
  return path.resolve(folder, source);
}

process.stdout.write(JSON.stringify(JSON.parse(fs.readFileSync(0, 'utf8')).map(original)));
