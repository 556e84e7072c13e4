// Invokes the function that is named as a user of the SDK does, and prints what it gets as one JSON line.
const { LambdaClient, InvokeWithResponseStreamCommand } = require('@aws-sdk/client-lambda');

async function main(name, payload) {
  const client = new LambdaClient({});
  const answer = await client.send(
    new InvokeWithResponseStreamCommand({ FunctionName: name, Payload: payload, LogType: 'Tail' }),
  );
  const chunks = [];
  let complete;
  for await (const event of answer.EventStream) {
    if (event.PayloadChunk) chunks.push(Buffer.from(event.PayloadChunk.Payload).toString());
    if (event.InvokeComplete) complete = event.InvokeComplete;
  }
  console.log(JSON.stringify({ status: answer.StatusCode, version: answer.ExecutedVersion, chunks, complete }));
}

main(...process.argv.slice(2));
