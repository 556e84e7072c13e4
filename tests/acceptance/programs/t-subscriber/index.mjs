// An extension inside the runtime: it subscribes to telemetry and keeps what it gets. The handler waits for an event
// that `{"until": {"type": …, "requestId": …}}` describes (before that it calls a `url`), and returns all that has come.
import { createServer as createHttp } from 'node:http';
import { createServer as createTcp } from 'node:net';
import { createInterface } from 'node:readline';

const { AWS_LAMBDA_RUNTIME_API, DOOR, SCHEMA, PROTOCOL = 'HTTP', PORT = '0', HOST = 'sandbox.localdomain' } = process.env;
const api = `http://${AWS_LAMBDA_RUNTIME_API}`;
const events = [];
const watchers = new Set();

const take = (...more) => {
  events.push(...more);
  for (const watcher of watchers) watcher();
};

const listener =
  PROTOCOL === 'TCP'
    ? createTcp((socket) => createInterface(socket).on('line', (line) => take(JSON.parse(line))))
    : createHttp(async (request, response) => {
        let body = '';
        for await (const chunk of request) body += chunk;
        response.end();
        take(...JSON.parse(body));
      });
await new Promise((resolve) => listener.listen(Number(PORT), HOST, resolve));

const call = async (path, options) => {
  const answer = await fetch(`${api}/${path}`, options);
  const body = await answer.text();
  if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${body}`);
  return answer.headers;
};

const { port } = listener.address();
const registered = await call('2020-01-01/extension/register', {
  method: 'POST',
  headers: { 'Lambda-Extension-Name': 'subscriber' },
  body: JSON.stringify({ events: ['INVOKE'] }),
});
const headers = { 'Lambda-Extension-Identifier': registered.get('lambda-extension-identifier') };
await call(DOOR, {
  method: 'PUT',
  headers,
  body: JSON.stringify({
    schemaVersion: SCHEMA,
    types: ['platform', 'function', 'extension'],
    buffering: { timeoutMs: 25 },
    destination:
      PROTOCOL === 'TCP' ? { protocol: 'TCP', port } : { protocol: 'HTTP', URI: `http://sandbox.localdomain:${port}/` },
  }),
});
(async () => {
  for (;;) await call('2020-01-01/extension/event/next', { headers });
})();

const isThere = ({ type, requestId }) =>
  events.some((event) => event.type === type && (!requestId || event.record.requestId === requestId));

export const handler = async ({ until, say, url }) => {
  if (say) console.log(say);
  if (url) await fetch(url, { method: 'PUT', body: 'here' });
  await new Promise((resolve) => {
    const look = () => (!until || isThere(until)) && resolve(watchers.delete(look));
    watchers.add(look);
    look();
  });
  return events;
};
