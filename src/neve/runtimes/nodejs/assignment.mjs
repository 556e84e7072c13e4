// A pre-started runtime: it has booted, in a sandbox, before anybody knew for which function. Here it becomes that function's.
import { require } from './builtins.mjs';
import { restartUptime } from './console-patch.mjs';

const MARK = '_NEVE_PRESTARTED';

/** Whether the process is to wait for its function. */
export function isPrestarted() {
  return process.env[MARK] !== undefined;
}

/**
 * Look as if the process had been started with these variables, in this folder.
 * @param {{environment: Record<string, string>, directory: string}} assignment `environment` is complete
 */
export function takeOn({ environment, directory }) {
  const { env } = process;
  const before = searched(env);
  for (const name of Object.keys(env)) if (!Object.hasOwn(environment, name)) delete env[name];
  for (const [name, value] of Object.entries(environment)) if (env[name] !== value) env[name] = value;
  process.chdir(directory);
  if (searched(env) !== before) require('node:module')._initPaths();
  restartUptime();
}

/** What Node has read already, to know where modules may be. */
function searched({ NODE_PATH, HOME }) {
  return `${NODE_PATH}\0${HOME}`;
}
