// Worker threads that are started in the init phase and wait for work, alone and in a package's pool.
import { once } from 'node:events';
import { MessageChannel, Worker } from 'node:worker_threads';
import Piscina from 'piscina';

const pool = new Piscina({ filename: new URL('./square.mjs', import.meta.url).href, minThreads: 1, maxThreads: 1 });
const worker = new Worker(new URL('./answers.mjs', import.meta.url));
worker.unref();
await once(worker, 'online');

const ask = (question) =>
  new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.once('message', (answer) => (port1.close(), resolve(answer)));
    worker.postMessage({ question, port: port2 }, [port2]);
  });

export const handler = async ({ n }) => {
  const answers = await Promise.all([1, 2, 3].map(ask));
  console.log(answers.join(), await pool.run(n));
  return n;
};
