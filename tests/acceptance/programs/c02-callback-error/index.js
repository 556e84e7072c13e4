class OrderNotFound extends Error {
  constructor(id) {
    super(`no order ${id}`);
    this.name = 'OrderNotFound';
  }
}

let asked = 0;

exports.handler = function (event, context, callback) {
  asked += 1;
  if (event.id === undefined) return callback(new Error('id is missing'));
  if (event.id > 100) return callback(new OrderNotFound(event.id));
  if (event.id < 0) return callback('id is negative');
  callback(null, { id: event.id, asked });
};
