exports.handler = function (event, context, callback) {
  callback(null, { greeting: `Hello, ${event.name}!` });
};
