const http = require('http');

exports.handler = function (event, context) {
  http.get(`${process.env.STORE_URL}/slow`, (response) => response.resume()).on('error', () => {});
  switch (event.method) {
    case 'succeed':
      return context.succeed({ by: 'succeed' });
    case 'fail':
      return context.fail(new RangeError('too far'));
    case 'done with an error':
      return context.done(new TypeError('not a number'), 'ignored');
    default:
      return context.done(null, { by: 'done' });
  }
};
