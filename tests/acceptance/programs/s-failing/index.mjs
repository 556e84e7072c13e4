// Fails in the way that the event names.
export const handler = async ({ how }) => {
  if (how === 'error') throw new RangeError('out of range');
  if (how === 'exit') process.exit(1);
  await new Promise(() => setInterval(() => {}, 1000)); // 'timeout'
};
