// Emitters, timers, races and tasks side by side: everything is awaited, and what lost a race is cleared.
import { AsyncLocalStorage } from 'node:async_hooks';
import { EventEmitter, on, once } from 'node:events';
import { setImmediate as turn, setInterval as every, setTimeout as wait } from 'node:timers/promises';

const context = new AsyncLocalStorage();
setInterval(() => cache.clear(), 60_000).unref();
const cache = new Map();

function withLimit(promise, ms) {
  let timer;
  const late = new Promise((_, reject) => (timer = setTimeout(reject, ms, new Error('late'))));
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

async function retried(work) {
  for (let attempt = 0; ; attempt++) {
    try {
      return await work(attempt);
    } catch {
      await wait(2 ** attempt);
    }
  }
}

async function sideBySide(tasks, most) {
  const waiting = [...tasks];
  const lane = async () => {
    while (waiting.length > 0) await waiting.shift()();
  };
  await Promise.all(Array.from({ length: most }, lane));
}

export const handler = ({ n }) =>
  context.run({ n }, async () => {
    const emitter = new EventEmitter();
    const heard = once(emitter, 'ready');
    setTimeout(() => emitter.emit('ready', n), 1);
    const [ready] = await withLimit(heard, 15_000);
    const controller = new AbortController();
    const given = [];
    setImmediate(() => [1, 2].forEach((each) => emitter.emit('each', each)));
    for await (const [each] of on(emitter, 'each', { signal: controller.signal })) if (given.push(each) === 2) break;
    const cancelled = wait(15_000, undefined, { signal: controller.signal }).catch((error) => error.name);
    controller.abort();
    let beats = 0;
    for await (const _ of every(1)) if (++beats === 3) break;
    const result = await retried((attempt) => (attempt < 2 ? Promise.reject(new Error('again')) : wait(1, attempt)));
    await sideBySide(Array.from({ length: 6 }, () => () => turn()), 2);
    cache.set(n, await withLimit(new Promise((resolve) => process.nextTick(queueMicrotask, resolve)), 15_000));
    clearTimeout(setTimeout(() => {}, 15_000));
    console.log(ready, given, await cancelled, beats, result, context.getStore().n);
    return n;
  });
