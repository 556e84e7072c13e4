// What the path says, in a stream.
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const ways = {
  async '/page'(stream, event) {
    const prelude = { statusCode: 201, headers: { 'Content-Type': 'text/plain', 'X-Here': 'yes' }, cookies: ['a=1', 'b=2'] };
    const body = awslambda.HttpResponseStream.from(stream, prelude);
    body.write('before ');
    const gate = event.queryStringParameters?.gate;
    if (gate) await fetch(gate);
    body.end('after');
  },
  async '/nothing'(stream) {
    awslambda.HttpResponseStream.from(stream, { statusCode: 204 }).end('not sent');
  },
  async '/plain'(stream) {
    stream.setContentType('text/css');
    stream.end('p {}');
  },
  async '/early'() {
    throw new Error('as asked');
  },
  async '/late'(stream) {
    const body = awslambda.HttpResponseStream.from(stream, { statusCode: 200 });
    body.write('half');
    await wait(50);
    throw new Error('as asked');
  },
  async '/malformed'(stream) {
    awslambda.HttpResponseStream.from(stream, { statusCode: 'OK' }).end('x');
  },
  async '/endless'(stream) {
    stream.setContentType('application/vnd.awslambda.http-integration-response');
    stream.end('{"statusCode": 200}');
  },
};

export const handler = awslambda.streamifyResponse((event, stream) => ways[event.rawPath](stream, event));
