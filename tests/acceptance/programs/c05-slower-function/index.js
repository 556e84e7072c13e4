const http = require('http');

// Takes as long as its neighbour does.
exports.handler = function (event, context, callback) {
  http.get(`${process.env.STORE_URL}/slow`, (response) => {
    response.resume();
    response.on('end', () => callback(null, 'done at last'));
  });
};
