const http = require('http');
const table = require('./table');

const get = (path) => new Promise((resolve) => http.get(process.env.STORE_URL + path, (answer) => answer.resume().on('end', resolve)));

exports.handler = async (event) => {
  table.put({ Table: 'users', Item: { id: event.id } }, function (err, data) {
    if (err) console.log('could not put', err.message);
    else console.log(`put user ${event.id}`, data);
  });
  if (event.after) await get(event.after);
  return { statusCode: 200 };
};
