exports.handler = function (event, context, callback) {
  let beats = 0;
  setInterval(() => {
    beats += 1;
  }, 50);
  callback(null, 'ok');
  console.log('callback was called');
};
