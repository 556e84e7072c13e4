// Files, compression, lines and child processes, all awaited to their end.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { open, readFile, rm, writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { createGunzip, createGzip, gzip } from 'node:zlib';

const run = promisify(execFile);
const file = '/tmp/orders.gz';
const upper = () => new Transform({ transform: (piece, _encoding, done) => done(null, piece.toString().toUpperCase()) });

async function lines() {
  let count = 0;
  for await (const line of createInterface({ input: createReadStream(file).pipe(createGunzip()) })) count += line.length > 0;
  return count;
}

async function head() {
  for await (const piece of createReadStream(file, { highWaterMark: 16 })) return piece.length; // and leaves the rest
}

export const handler = async ({ n }) => {
  const rows = Array.from({ length: 200 }, (_, index) => `order ${n} ${index}\n`);
  await pipeline(Readable.from(rows), upper(), createGzip(), createWriteStream(file));
  const whole = createHash('sha256');
  for await (const piece of createReadStream(file)) whole.update(piece);
  const note = createWriteStream('/tmp/note');
  note.end('done');
  await once(note, 'close');
  await writeFile('/tmp/copy', await promisify(gzip)(await readFile('/tmp/note')));
  const handle = await open('/tmp/copy');
  await handle.read(Buffer.alloc(4), 0, 4);
  await handle.close();
  const counted = [await lines(), await head()];
  if (n % 10 === 0) await run('/bin/sh', ['-c', 'cat /tmp/note']);
  await rm('/tmp/copy');
  console.log(...counted, whole.digest('hex').length);
  return n;
};
