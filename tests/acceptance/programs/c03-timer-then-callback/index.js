exports.handler = function (event, context, callback) {
  setTimeout(() => console.log('timer over'), 300);
  callback(null, 'accepted');
  callback(null, 'too late');
};
