// What the last part of the path says: an answer of some shape, or the event itself.
const answers = {
  event: (event) => event,
  hello: () => 'hello',
  page: () => ({
    statusCode: 203,
    headers: { 'Content-Type': 'text/html', 'X-Here': 'yes', 'Access-Control-Allow-Origin': 'https://other.example' },
    cookies: ['a=1; Path=/', 'b=2'],
    body: '<p>grün</p>',
  }),
  bytes: () => ({ statusCode: 200, body: Buffer.from([0, 255, 10]).toString('base64'), isBase64Encoded: true }),
  size: (event) => ({ statusCode: 200, body: String(Buffer.from(event.body, 'base64').length) }),
  teapot: () => ({ statusCode: 418 }),
  unchanged: () => ({ statusCode: 304, headers: { etag: '"1"' }, body: 'not sent' }),
  nothing: () => ({ statusCode: 204, body: 'not sent' }),
  rare: () => ({ statusCode: 299, body: 'rare' }),
  malformed: () => ({ statusCode: 'OK' }),
  throws() {
    throw new Error('as asked');
  },
  exits: () => process.exit(1),
};

exports.handler = async (event) => answers[event.rawPath.split('/').pop() || 'event'](event);
