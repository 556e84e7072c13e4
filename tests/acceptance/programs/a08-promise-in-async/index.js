const { promisify } = require('util');
const table = require('./table');

const put = promisify(table.put);

exports.handler = async (event) => {
  try {
    const data = await put({ Table: 'users', Item: { id: event.id } });
    console.log(`put user ${event.id}`, data);
    return { statusCode: 200 };
  } catch (err) {
    console.log('could not put', err.message);
    return { statusCode: 500 };
  }
};
