export const handler = awslambda.streamifyResponse(async (event, responseStream, context) => {
  responseStream.write(`${event.name} `);
  await fetch(event.gate);
  responseStream.write(context.functionName);
  responseStream.end();
});
