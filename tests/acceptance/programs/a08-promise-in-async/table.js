const http = require('http');

function call(method, path, body, callback) {
  const request = http.request(process.env.STORE_URL + path, { method }, (response) => {
    response.resume();
    response.on('end', () => {
      if (response.statusCode >= 300) return callback(new Error(`the table answered ${response.statusCode}`));
      callback(null, {});
    });
  });
  request.on('error', callback);
  request.end(body);
}

/** In the manner of a DocumentClient: looks for credentials, then sends. */
exports.put = function put({ Table, Item }, callback) {
  call('POST', '/credentials', '', (error) => {
    if (error) return callback(error);
    call('PUT', `/${Table}/${Item.id}`, JSON.stringify(Item), callback);
  });
};
