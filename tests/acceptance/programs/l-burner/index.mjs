// Leaves behind what never rests: a thread, a child process, and a daemon (a grandchild in a session of its own).
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

const BURN = 'for (;;);';
const DAEMON = `
  const { spawn } = require('node:child_process');
  const [mark] = process.argv.slice(1);
  spawn(process.execPath, ['-e', '${BURN}', mark + '-daemon'], { detached: true, stdio: 'ignore' }).unref();
`;

export const handler = async ({ mark, url }) => {
  if (mark) {
    new Worker(BURN, { eval: true });
    spawn(process.execPath, ['-e', BURN, `${mark}-child`], { stdio: 'ignore' });
    await once(spawn(process.execPath, ['-e', DAEMON, mark], { stdio: 'inherit' }), 'exit');
  }
  if (url) await fetch(url, { method: 'PUT', body: 'here' });
  return process.pid;
};
