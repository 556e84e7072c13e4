const http = require('http');

function call(method, url, body, callback) {
  const request = http.request(url, { method }, (response) => {
    let text = '';
    response.setEncoding('utf8');
    response.on('data', (piece) => (text += piece));
    response.on('end', () => {
      if (response.statusCode >= 300) return callback(new Error(`${method} ${new URL(url).pathname}: ${response.statusCode}`));
      callback(null, text);
    });
  });
  request.on('error', callback);
  request.end(body);
}

const { ORDERS_URL, STORE_URL, TABLE_URL } = process.env;

exports.handler = function (event, context, callback) {
  call('GET', `${ORDERS_URL}/orders/${event.id}`, '', (error, order) => {
    if (error) return callback(error);
    const bill = `Bill for ${JSON.parse(order).customer}`;
    call('PUT', `${STORE_URL}/bills/${event.id}.txt`, bill, (error) => {
      if (error) return callback(error);
      call('PUT', `${TABLE_URL}/billed/${event.id}`, JSON.stringify({ billed: true }), (error) => {
        if (error) return callback(error);
        callback(null, { id: event.id, bill });
      });
    });
  });
};
