// The SDK in its old style: callbacks, and promises by `.promise()`. Nothing here says where the services are.
const AWS = require('aws-sdk');

const table = new AWS.DynamoDB.DocumentClient();
const s3 = new AWS.S3();

// A7: the callback is never waited for.
exports.callbackInAsync = async (event) => {
  table.put({ TableName: event.table, Item: { id: event.id } }, function (err) {
    if (err) console.log('could not put', err.code);
    else console.log(`put ${event.id}`);
  });
  if (event.after) await table.get({ TableName: event.table, Key: { id: event.after } }).promise();
  return { statusCode: 200 };
};

// A8
exports.promiseInAsync = async (event) => {
  try {
    await table.put({ TableName: event.table, Item: { id: event.id } }).promise();
    console.log(`put ${event.id}`);
    return { statusCode: 200 };
  } catch (err) {
    console.log('could not put', err.code);
    return { statusCode: 500 };
  }
};

// C3
exports.putThenCallback = function (event, context, callback) {
  s3.putObject({ Bucket: event.bucket, Key: event.key, Body: 'an order' }, (err) => console.log('stored', err || 'well'));
  callback(null, 'accepted');
};

// C6
exports.putNotWaited = function (event, context, callback) {
  context.callbackWaitsForEmptyEventLoop = false;
  s3.putObject({ Bucket: event.bucket, Key: event.key, Body: 'a report' }, (err) => console.log(event.key, err || 'stored'));
  table.get({ TableName: event.table, Key: { id: 'rates' } }, (err) => callback(err, { key: event.key }));
};

// C9
exports.nested = function (event, context, callback) {
  table.get({ TableName: event.orders, Key: { id: event.id } }, (err, data) => {
    if (err) return callback(err);
    const bill = `Bill for ${data.Item.customer}`;
    s3.putObject({ Bucket: event.bucket, Key: `bills/${event.id}`, Body: bill }, (err) => {
      if (err) return callback(err);
      table.put({ TableName: event.billed, Item: { id: event.id, bill } }, (err) => {
        if (err) return callback(err);
        callback(null, bill);
      });
    });
  });
};

// A14, and buckets in both styles
exports.buckets = async (event) => {
  const styles = { default: new AWS.S3() };
  styles.path = new AWS.S3({ s3ForcePathStyle: true });
  styles.host = new AWS.S3({ s3ForcePathStyle: false });
  const found = {};
  for (const [style, client] of Object.entries(styles)) {
    await client.putObject({ Bucket: event.bucket, Key: style, Body: style }).promise();
    found[style] = (await client.getObject({ Bucket: event.bucket, Key: style }).promise()).Body.toString();
  }
  return found;
};
