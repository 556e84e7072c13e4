// The watchdog's own thread; see watchdog.mjs.
import { Session } from 'node:inspector';
import { workerData } from 'node:worker_threads';
import { DIAGNOSIS, encodeFrame } from './frames.mjs';
import { frameAt, prepareStacks, toldFrames } from './leak-stacks.mjs';
import { writeFully } from './output.mjs';
import { ANSWERED, NUMBER, READY } from './watchdog.mjs';

const DESCRIPTOR = 3;
const SENDING_MS = 30;
const { state, deadline, id, taskRoot, beforeMs } = workerData;
prepareStacks(taskRoot, true);

async function watch() {
  while (true) {
    const number = Atomics.load(state, NUMBER);
    const left = number > 0 ? deadline[0] - beforeMs - Date.now() : Infinity;
    if (left <= 0 && Atomics.load(state, ANSWERED) !== number) await tell();
    Atomics.wait(state, NUMBER, number, left > 0 ? left : Infinity);
  }
}

async function tell() {
  const frames = await whereItIs();
  const header = { id: Buffer.from(id).toString().replace(/\0+$/, ''), blocked: true, stacks: [toldFrames(frames)] };
  writeFully(DESCRIPTOR, encodeFrame(DIAGNOSIS, JSON.stringify(header), ''));
}

/** The frames of the main thread; none when it is inside a call of Node's own that nothing can interrupt. */
function whereItIs() {
  const session = new Session();
  const urls = new Map(); // told when the debugger is enabled; frames name scripts by their number
  return new Promise((resolve) => {
    const settle = (frames) => {
      clearTimeout(patience);
      session.disconnect();
      resolve(frames);
    };
    const patience = setTimeout(settle, deadline[0] - Date.now() - SENDING_MS, []);
    session.on('Debugger.scriptParsed', ({ params }) => urls.set(params.scriptId, params.url));
    session.on('Debugger.paused', ({ params }) => {
      const frames = params.callFrames.map((frame) => readFrame(frame, urls)).filter(Boolean);
      session.post('Debugger.resume');
      settle(frames);
    });
    session.connectToMainThread();
    session.post('Debugger.enable');
    session.post('Debugger.pause');
  });
}

function readFrame({ functionName, location }, urls) {
  return frameAt(functionName, urls.get(location.scriptId), location.lineNumber + 1, (location.columnNumber ?? 0) + 1);
}

Atomics.store(state, READY, 1);
Atomics.notify(state, READY);
watch();
