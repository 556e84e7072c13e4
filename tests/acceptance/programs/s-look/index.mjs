// Tells what it was given beside the event.
export const handler = async (event, context) => ({
  event,
  requestId: context.awsRequestId,
  arn: context.invokedFunctionArn,
  clientContext: context.clientContext ?? null,
  trace: process.env._X_AMZN_TRACE_ID ?? null,
  region: process.env.AWS_REGION,
  account: process.env.AWS_ACCESS_KEY_ID,
});
