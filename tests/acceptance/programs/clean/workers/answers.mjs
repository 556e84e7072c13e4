import { parentPort } from 'node:worker_threads';

parentPort.on('message', ({ question, port }) => {
  port.postMessage(question + 1);
  port.close();
});
