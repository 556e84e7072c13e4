// An Express application with a logger, behind an adapter.
const express = require('express');
const adapter = require('serverless-http');
const pino = require('pino');

const logger = pino({ level: 'info' });
const app = express();
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

app.use(express.json());
app.use((request, response, next) => {
  const log = logger.child({ path: request.path });
  response.on('finish', () => log.info({ status: response.statusCode }, 'answered'));
  next();
});
app.post('/orders', async (request, response) => {
  await wait(1);
  response.status(201).json({ order: request.body.order });
});
app.get('/broken', async () => {
  throw new Error('broken');
});
app.use((error, _request, response, _next) => {
  logger.error(error);
  response.status(500).send('sorry');
});

const serve = adapter(app);
const asked = (method, path, body) => ({
  version: '2.0', rawPath: path, rawQueryString: '', headers: { 'content-type': 'application/json' },
  requestContext: { http: { method, path, sourceIp: '127.0.0.1' } }, body, isBase64Encoded: false,
});

exports.handler = async ({ n }, context) => {
  const made = await serve(asked('POST', '/orders', JSON.stringify({ order: n })), context);
  const statuses = [made.statusCode];
  for (const path of ['/broken', '/nowhere']) statuses.push((await serve(asked('GET', path), context)).statusCode);
  return { statuses, order: JSON.parse(made.body).order };
};
