// In the manner of an old SDK: a callback, and the request a few turns after the call.
const http = require('http');

exports.put = function put(item, callback) {
  process.nextTick(() =>
    process.nextTick(() => {
      const request = http.request(`${process.env.URL}/held`, { method: 'PUT' }, (answer) => {
        answer.resume().on('end', () => callback(null, {}));
      });
      request.end(JSON.stringify(item));
    }),
  );
};
