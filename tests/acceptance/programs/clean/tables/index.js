// Items of a table: the document client, made when it is first needed, in the CommonJS style.
const { DynamoDBClient } = require('@aws-sdk/client-dynamodb');
const { DynamoDBDocumentClient, GetCommand, PutCommand, UpdateCommand } = require('@aws-sdk/lib-dynamodb');

const TableName = process.env.TABLE;
let table;

exports.handler = async ({ n }) => {
  table ??= DynamoDBDocumentClient.from(new DynamoDBClient({ maxAttempts: 2 }));
  await table.send(new PutCommand({ TableName, Item: { id: 'order', n, tags: new Set(['a']) } }));
  const update = { UpdateExpression: 'SET seen = :n', ExpressionAttributeValues: { ':n': n } };
  await table.send(new UpdateCommand({ TableName, Key: { id: 'order' }, ...update }));
  const { Item } = await table.send(new GetCommand({ TableName, Key: { id: 'order' } }));
  console.log('order', Item.n, Item.seen);
  return Item.n;
};
