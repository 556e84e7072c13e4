// The SDK in its new style: clients and commands. Nothing here says where the services are.
const { GetObjectCommand, PutObjectCommand, S3Client } = require('@aws-sdk/client-s3');
const { DynamoDBClient } = require('@aws-sdk/client-dynamodb');
const { DynamoDBDocumentClient, GetCommand, PutCommand } = require('@aws-sdk/lib-dynamodb');

const s3 = new S3Client({});
const table = DynamoDBDocumentClient.from(new DynamoDBClient({}));

const get = (event, id) => table.send(new GetCommand({ TableName: event.table, Key: { id } }));
const put = (event, Key) => s3.send(new PutObjectCommand({ Bucket: event.bucket, Key, Body: 'an invoice' }));

async function saveInvoice(event) {
  await get(event, 'leave'); // to upload
  await put(event, event.key);
}

// A2
exports.forgottenAwait = async (event) => {
  saveInvoice(event); // forgotten: await
  if (event.after) await s3.send(new GetObjectCommand({ Bucket: event.bucket, Key: event.after }));
  return event.key;
};

// A3
exports.awaited = async (event) => {
  await put(event, event.key);
  return event.key;
};

// A4
exports.stream = async (event) => {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket: event.bucket, Key: event.key }));
  return new Promise((resolve, reject) => {
    let lines = 0;
    Body.on('data', (piece) => (lines += piece.toString().split('\n').length - 1));
    Body.on('end', () => resolve({ lines }));
    Body.on('error', reject);
  });
};

// A5
exports.twoQueries = async (event) => {
  if (event.together) {
    await Promise.all([get(event, 'stock'), get(event, 'prices')]);
  } else {
    await get(event, 'stock');
    await get(event, 'prices');
  }
};

// A6
exports.flag = async (event, context) => {
  context.callbackWaitsForEmptyEventLoop = true;
  get(event, 'slow').then(() => console.log('slow answered'));
  return 'at once';
};

// A8
exports.promiseInAsync = async (event) => {
  try {
    await table.send(new PutCommand({ TableName: event.table, Item: { id: event.id, tags: new Set(['a']), n: 1.5 } }));
    console.log(`put ${event.id}`);
    return { statusCode: 200 };
  } catch (err) {
    console.log('could not put', err.name);
    return { statusCode: 500 };
  }
};

// A14, and buckets in both styles
exports.buckets = async (event) => {
  const styles = { default: new S3Client({}) };
  styles.path = new S3Client({ forcePathStyle: true });
  styles.host = new S3Client({ forcePathStyle: false });
  const found = {};
  for (const [style, client] of Object.entries(styles)) {
    await client.send(new PutObjectCommand({ Bucket: event.bucket, Key: style, Body: style }));
    const { Body } = await client.send(new GetObjectCommand({ Bucket: event.bucket, Key: style }));
    found[style] = await Body.transformToString();
  }
  return found;
};
