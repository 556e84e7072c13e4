// From nodejs18.x on Lambda looks for packages of ES modules in NODE_PATH too (layers, what comes with the runtime), after
// Node's own search has failed. Node itself does so for `require` only.
import { fs, path, pathToFileURL, require } from './builtins.mjs';

const FIRST = 18;
const BARE = /^(?!\.{0,2}\/|[a-z][a-z\d+.-]+:)/i;

/** Nothing is done, and nothing costs anything, for a function whose NODE_PATH leads nowhere. */
export function searchNodePath(major) {
  const folders = (process.env.NODE_PATH ?? '').split(path.delimiter).filter(hasPackages);
  if (major < FIRST || folders.length === 0) return;
  const places = folders.map((folder) => pathToFileURL(folder).href);
  const module = require('node:module');
  if (module.registerHooks) module.registerHooks({ resolve: resolver(places) });
  // Before Node 22.15 hooks need a thread of their own, which takes 20 ms.
  else module.register?.('./node-path-hooks.mjs', import.meta.url, { data: places });
}

function hasPackages(folder) {
  return path.basename(folder) === 'node_modules' && fs.existsSync(folder);
}

function resolver(places) {
  return (specifier, context, next) => {
    try {
      return next(specifier, context);
    } catch (error) {
      if (!isMissingPackage(error, specifier)) throw error;
      for (const parentURL of places) {
        try {
          return next(specifier, { ...context, parentURL });
        } catch (another) {
          if (!isMissingPackage(another, specifier)) throw another;
        }
      }
      throw error;
    }
  };
}

/** Whether a package was not found; one that was found and lacks something is told as it is. */
export function isMissingPackage(error, specifier) {
  return error?.code === 'ERR_MODULE_NOT_FOUND' && BARE.test(specifier);
}
