// HTTPS over one connection that is kept, with certificates of its own.
const https = require('https');

const { TLS_KEY: key, TLS_CERT: cert } = process.env;
const server = https.createServer({ key, cert }, (request, response) => request.pipe(response));
const listening = new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
server.unref();
const agent = new https.Agent({ keepAlive: true, ca: cert });

const post = (body) =>
  new Promise((resolve, reject) => {
    const { port } = server.address();
    const request = https.request({ agent, host: '127.0.0.1', servername: 'localhost', port, method: 'POST' }, (answer) => {
      const pieces = [];
      answer.on('data', (piece) => pieces.push(piece)).on('end', () => resolve(Buffer.concat(pieces).toString()));
    });
    request.on('error', reject).end(body);
  });

exports.handler = async ({ n }) => {
  await listening;
  const texts = [await post(`one ${n}`), ...(await Promise.all([post('two'), post('three')]))];
  console.log(texts.join());
  return n;
};
