// Started as `node <flags> bootstrap.mjs`; which flags is in README.md.
// The entry: makes the process look like the service's, loads the user's handler, starts the loop of its generation.
import { isPrestarted, takeOn } from './assignment.mjs';
import { Channel } from './channel.mjs';
import { hideHandle, patchConsole } from './console-patch.mjs';
import { loadHandler } from './handler-resolution.mjs';
import { resolveBelowLocalhost } from './localhost-names.mjs';
import { searchNodePath } from './node-path.mjs';
import { watchForSdk } from './sdk-v2.mjs';
import { hasCallbacks, readSettings } from './settings.mjs';

const generation = await import(hasCallbacks() ? './loop-callbacks.mjs' : './loop.mjs');
const channel = await Channel.open();
if (isPrestarted()) {
  // Most functions are watched: what that needs is made ready now, when it costs nobody's time.
  const { rehearseWatch } = await import('./leak-watch.mjs');
  await rehearseWatch();
  takeOn(await channel.assignment());
}
const settings = readSettings();

process.argv[1] = `${settings.runtimeDir}/index.mjs`;
hideHandle(channel.handle);
patchConsole(whoSpeaks(generation.logIdentity), settings.logFormat);
generation.prepare(channel);
if (settings.leaks !== 'off') await watchForLeaks();
watchForSdk();
resolveBelowLocalhost();
searchNodePath(settings.major);
try {
  await generation.run(channel, await loadHandler(settings));
} catch (thrown) {
  generation.failInit(thrown);
}

async function watchForLeaks() {
  const { startWatch } = await import('./leak-watch.mjs');
  await startWatch(settings, channel);
}

/** The identity of a line is asked for when it is printed: by then an event may have arrived that nobody has read. */
function whoSpeaks({ requestId, tenantId }) {
  const current = () => {
    channel.look();
    return requestId();
  };
  return { requestId: current, tenantId };
}
