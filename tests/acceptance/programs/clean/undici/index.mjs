// The HTTP client that Node's fetch comes from, as a package: a pool, an agent, streams.
import { Writable } from 'node:stream';
import { Agent, Pool, request, setGlobalDispatcher, stream } from 'undici';

const url = process.env.STORE_URL;
const pool = new Pool(url, { connections: 4, keepAliveTimeout: 4000 });
setGlobalDispatcher(new Agent({ keepAliveTimeout: 1000, headersTimeout: 15_000 }));

export const handler = async ({ n }) => {
  const put = await pool.request({ method: 'PUT', path: '/undici', body: String(n) });
  await put.body.dump();
  const texts = await Promise.all(
    [1, 2, 3, 4, 5].map(() => pool.request({ method: 'GET', path: '/undici' }).then(({ body }) => body.text())),
  );
  const missing = await request(`${url}/nowhere`);
  await missing.body.dump();
  const pieces = [];
  const sink = () => new Writable({ write: (piece, _encoding, done) => done(null, pieces.push(piece)) });
  await stream(`${url}/undici`, { method: 'GET' }, sink);
  console.log(texts[0], missing.statusCode, Buffer.concat(pieces).toString());
  return n;
};
