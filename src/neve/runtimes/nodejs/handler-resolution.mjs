// From a handler string to the user's function. The two generations look for the module in a different order.
import { existsSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { HandlerNotFound, ImportModuleError, MalformedHandlerName, UserCodeSyntaxError } from './errors.mjs';

/**
 * @param {{handler: string, taskRoot: string, runtimeDir: string, callbacks: boolean}} settings
 * @returns {Promise<Function>} throws what the init error reports
 */
export async function loadHandler(settings) {
  const name = splitHandler(settings.handler);
  // The require of a module that stands where the service's entry stands: it shows in "Require stack".
  const require = createRequire(join(settings.runtimeDir, 'index.mjs'));
  const load = settings.callbacks ? requireFirst : importFirst;
  const exports = await translated(() => load(require, settings.taskRoot, name));
  const found = walk(exports, name.property) ?? (settings.callbacks ? undefined : walk(exports?.default, name.property));
  return checked(found, settings.handler);
}

/** @returns {{root: string, module: string, property: string}} */
function splitHandler(handler) {
  if (handler.includes('..')) {
    const reason = 'is not a valid handler name. Use absolute paths when specifying root directories in handler names.';
    throw new MalformedHandlerName(`'${handler}' ${reason}`);
  }
  const last = basename(handler);
  const match = /^([^.]*)\.(.*)$/.exec(last);
  if (!match) throw new MalformedHandlerName('Bad handler');
  return { root: handler.slice(0, handler.lastIndexOf(last)), module: match[1], property: match[2] };
}

async function translated(load) {
  try {
    return await load();
  } catch (error) {
    if (error instanceof SyntaxError) throw new UserCodeSyntaxError(String(error));
    if (error?.code === 'MODULE_NOT_FOUND') throw new ImportModuleError(String(error));
    throw error;
  }
}

function requireFirst(require, taskRoot, { root, module }) {
  const path = resolve(taskRoot, root, module);
  if (existsSync(path)) return require(path);
  if (existsSync(`${path}.js`)) return inModulePackage(path) ? importFile(`${path}.js`) : require(`${path}.js`);
  if (existsSync(`${path}.mjs`)) return importFile(`${path}.mjs`);
  if (existsSync(`${path}.cjs`)) return require(`${path}.cjs`);
  return require(require.resolve(module, { paths: [taskRoot, root] }));
}

function importFirst(require, taskRoot, { root, module }) {
  const path = resolve(taskRoot, root, module);
  for (const extension of ['', '.js', '.mjs', '.cjs', '.ts', '.mts', '.cts']) {
    if (isFile(path + extension)) return importFile(path + extension);
  }
  return require(require.resolve(module, { paths: [taskRoot, root] }));
}

function importFile(path) {
  return import(pathToFileURL(path).href);
}

function isFile(path) {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

/** Whether the nearest package.json makes its `.js` files ES modules. */
function inModulePackage(path) {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    const file = join(folder, 'package.json');
    if (existsSync(file)) return saysModule(file);
    if (folder === dirname(folder)) return false;
  }
}

function saysModule(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).type === 'module';
  } catch {
    return false; // Node says what is wrong with it when it loads the module
  }
}

function walk(exports, property) {
  return property.split('.').reduce((nested, key) => nested && nested[key], exports);
}

function checked(found, handler) {
  if (!found) throw new HandlerNotFound(`${handler} is undefined or not exported`);
  if (typeof found !== 'function') throw new HandlerNotFound(`${handler} is not a function`);
  return found;
}
