// From a handler string to the user's function. The two generations look for the module in a different order.
import { createRequire, fs, path, pathToFileURL } from './builtins.mjs';
import { HandlerNotFound, ImportModuleError, MalformedHandlerName, UserCodeSyntaxError } from './errors.mjs';

/**
 * @param {{handler: string, taskRoot: string, runtimeDir: string, callbacks: boolean}} settings
 * @returns {Promise<Function>} throws what the init error reports
 */
export async function loadHandler(settings) {
  const name = splitHandler(settings.handler);
  // The require of a module that stands where the service's entry stands: it shows in "Require stack".
  const require = createRequire(path.join(settings.runtimeDir, 'index.mjs'));
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
  const last = path.basename(handler);
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
  const base = path.resolve(taskRoot, root, module);
  if (fs.existsSync(base)) return require(base);
  if (fs.existsSync(`${base}.js`)) return inModulePackage(base) ? importFile(`${base}.js`) : require(`${base}.js`);
  if (fs.existsSync(`${base}.mjs`)) return importFile(`${base}.mjs`);
  if (fs.existsSync(`${base}.cjs`)) return require(`${base}.cjs`);
  return require(require.resolve(module, { paths: [taskRoot, root] }));
}

function importFirst(require, taskRoot, { root, module }) {
  const base = path.resolve(taskRoot, root, module);
  for (const extension of ['', '.js', '.mjs', '.cjs', '.ts', '.mts', '.cts']) {
    if (isFile(base + extension)) return importFile(base + extension);
  }
  return require(require.resolve(module, { paths: [taskRoot, root] }));
}

function importFile(file) {
  return import(pathToFileURL(file).href);
}

function isFile(file) {
  return fs.statSync(file, { throwIfNoEntry: false })?.isFile() ?? false;
}

/** Whether the nearest package.json makes its `.js` files ES modules. */
function inModulePackage(base) {
  for (let folder = path.dirname(base); ; folder = path.dirname(folder)) {
    const file = path.join(folder, 'package.json');
    if (fs.existsSync(file)) return saysModule(file);
    if (folder === path.dirname(folder)) return false;
  }
}

function saysModule(file) {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8')).type === 'module';
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
