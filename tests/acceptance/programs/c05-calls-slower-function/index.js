const http = require('http');

function invoke(name, event) {
  const path = `/2015-03-31/functions/${name}/invocations`;
  const request = http.request(process.env.AWS_ENDPOINT_URL + path, { method: 'POST' }, (response) => {
    response.resume();
    console.log(`${name} answered: ${response.statusCode}`);
  });
  request.end(JSON.stringify(event));
}

exports.handler = function (event, context, callback) {
  invoke(event.callee, {});
  callback(null, 'ok');
  console.log('callback was called');
};
