// Node's own modules, by require: importing `node:util` evaluates every lazy export of it, which on Node 24 loads a colour
// table that opens process.stderr (2 ms, a handle in the user's list, and a non-blocking output pipe).
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

export const fs = require('node:fs');
export const path = require('node:path');
export const { pathToFileURL } = require('node:url');
export const { format } = require('node:util');
export { createRequire, require };
