// Counts, leaves a file behind, and breaks in the way that the event names.
import { existsSync, writeFileSync } from 'node:fs';

let count = 0;
export const handler = async ({ file, how }) => {
  count += 1;
  const found = existsSync(file);
  writeFileSync(file, 'kept');
  console.log(`broken by ${how}`);
  if (how === 'exit 0') process.exit(0);
  if (how === 'exit 3') process.exit(3);
  if (how === 'killed') process.kill(process.pid, 'SIGKILL');
  if (how === 'uncaught') setTimeout(() => { throw new TypeError('nobody catches this'); }, 0); // prettier-ignore
  if (how) await new Promise(() => setInterval(() => {}, 1000)); // 'timeout', and whoever is about to end
  return { count, found, stream: process.env.AWS_LAMBDA_LOG_STREAM_NAME };
};
