const http = require('http');

function put(path, body) {
  return new Promise((resolve, reject) => {
    const request = http.request(process.env.STORE_URL + path, { method: 'PUT' }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode));
    });
    request.on('error', reject);
    request.end(body);
  });
}

exports.handler = async (event) => ({ status: await put(event.path, event.text) });
