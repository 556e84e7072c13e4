// An execution leak. Nobody waits for this timer: the environment freezes first, and the line appears inside the
// next invocation, with the id of the one before. The last call's line never appears.
//
//   neve invoke leaky-timer; sleep 1; neve invoke leaky-timer --tail; sleep 1; neve invoke leaky-timer --tail
export const handler = async (event, context) => {
  const drawn = Math.floor(Math.random() * 1000);
  setTimeout(() => console.log(`I belong to ${context.awsRequestId} (${drawn})`), 200);
  return { drawn };
};
