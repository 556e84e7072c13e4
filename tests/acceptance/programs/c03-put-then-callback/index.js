const http = require('http');

function store(path, body) {
  const request = http.request(process.env.STORE_URL + path, { method: 'PUT' }, (response) => {
    response.resume();
    console.log(`${path} stored: ${response.statusCode}`);
  });
  request.on('error', (error) => console.error(error));
  request.end(body);
}

exports.handler = function (event, context, callback) {
  store(event.path, JSON.stringify(event.order));
  callback(null, 'accepted');
};
