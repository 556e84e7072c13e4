const http = require('http');

function invoke(name, event) {
  const path = `/2015-03-31/functions/${name}/invocations`;
  const Authorization = `AWS4-HMAC-SHA256 Credential=${process.env.AWS_ACCESS_KEY_ID}/20260101/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature=0`;
  const options = { method: 'POST', headers: { Authorization } };
  const request = http.request(process.env.AWS_ENDPOINT_URL + path, options, (response) => {
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
